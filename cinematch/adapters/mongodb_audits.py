"""The records of audits in MongoDB: the last ones, for the operator's page and the metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from pymongo import DESCENDING

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.collections import AUDITS

RECORDS_KEPT: Final = 1_000
"""Six weeks of hourly audits, some hundred kilobytes."""
_NEWEST_FIRST: Final = [("_id", DESCENDING)]


class Audits:
    """Records of audits; every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._records = database[AUDITS]

    def keep(self, record: AuditRecord) -> None:
        """Add a record; the oldest beyond RECORDS_KEPT go."""
        with translated():
            self._records.insert_one(asdict(record))
            kept = self._records.find({}, {"_id": 1}, sort=_NEWEST_FIRST, skip=RECORDS_KEPT - 1, limit=1)
            for oldest in kept:
                self._records.delete_many({"_id": {"$lt": oldest["_id"]}})

    def last(self) -> AuditRecord | None:
        """Give the newest record; None before the first audit."""
        with translated():
            found = self._records.find_one({}, {"_id": 0}, sort=_NEWEST_FIRST)
        return _record(found) if found else None


def _record(document: Document) -> AuditRecord:
    return AuditRecord(**document)
