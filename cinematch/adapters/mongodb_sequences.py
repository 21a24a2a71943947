"""The last sequence issued to each user, for layers that may block."""

from __future__ import annotations

from collections.abc import Iterable

from cinematch.adapters.mongodb_client import SyncDatabase, translated
from cinematch.contracts.collections import USER_SEQUENCES


class Sequences:
    """Sequences as the transactions of ingestion issue them; read only."""

    def __init__(self, database: SyncDatabase) -> None:
        self._sequences = database[USER_SEQUENCES]

    def issued(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Give the last sequence of each user who has one. Raises StoreUnavailable."""
        with translated():
            found = self._sequences.find({"_id": {"$in": sorted(set(user_ids))}})
            return {document["_id"]: document["sequence"] for document in found}
