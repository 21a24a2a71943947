"""The records of audits in MongoDB: the last ones, for the operator's page and the metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from pymongo import DESCENDING

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.collections import AUDITS

RECORDS_KEPT: Final = 1_000
"""Of audits that found a drift, and of the others as many: six weeks of hourly ones, some hundred kilobytes."""
_NEWEST_FIRST: Final = [("_id", DESCENDING)]
_DRIFT: Final[Document] = {"drift": {"$gt": 0}}
_NO_DRIFT: Final[Document] = {"drift": 0}


class Audits:
    """Records of audits; every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._records = database[AUDITS]

    def keep(self, record: AuditRecord) -> None:
        """Add a record; the oldest of its kind beyond RECORDS_KEPT go."""
        kind = _DRIFT if record.drift else _NO_DRIFT
        with translated():
            self._records.insert_one(asdict(record))
            kept = self._records.find(kind, {"_id": 1}, sort=_NEWEST_FIRST, skip=RECORDS_KEPT - 1, limit=1)
            for oldest in kept:
                self._records.delete_many(kind | {"_id": {"$lt": oldest["_id"]}})

    def last(self) -> AuditRecord | None:
        """Give the newest record; None before the first audit."""
        return self._newest({})

    def last_drift(self) -> AuditRecord | None:
        """Give the newest record of an audit that found a drift, however many have found none since; None: none did."""
        return self._newest(_DRIFT)

    def _newest(self, kind: Document) -> AuditRecord | None:
        with translated():
            found = self._records.find_one(kind, {"_id": 0}, sort=_NEWEST_FIRST)
        return _record(found) if found else None


def _record(document: Document) -> AuditRecord:
    return AuditRecord(**document)
