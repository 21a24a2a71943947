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

    def sample(self, size: int) -> list[str]:
        """Give up to `size` users who have an event, at random, each as likely as the others. Raises StoreUnavailable.

        The server draws them; it may draw one twice, who then is given once.
        """
        with translated():
            drawn = self._sequences.aggregate([{"$sample": {"size": size}}, {"$project": {"_id": 1}}])
            return sorted({document["_id"] for document in drawn})
