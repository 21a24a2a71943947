"""All that MongoDB holds of one user, to be given to that user."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING
from pymongo.read_concern import ReadConcern

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.adapters.mongodb_kept_answers import kept_of
from cinematch.contracts.collections import IDEMPOTENCY_KEYS, MOVIES, USER_SEQUENCES, USER_STATS, USER_STATS_BATCH

_NOT_THEIRS: Final = {"_id": 0, "rating_tenths": 0, "read_at": 0, "summary": 0}
"""What views keep for their own arithmetic: all of it follows from the rest."""


class PersonalData:
    """One database. Every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database

    def counter(self, user_id: str) -> Document | None:
        """Give {sequence, floor}; None for a user who never was, or was erased.

        As a majority has it: so whoever reads the outbox afterwards finds the event of this sequence.
        """
        counters = self._database.get_collection(USER_SEQUENCES, read_concern=ReadConcern("majority"))
        with translated():
            return counters.find_one({"_id": user_id}, {"_id": 0})

    def movies(self, user_id: str) -> list[Document]:
        """Give the list's entries by movie_id."""
        with translated():
            return list(self._database[MOVIES].find({"user_id": user_id}, {"_id": 0}).sort("movie_id", ASCENDING))

    def statistics(self, user_id: str) -> dict[str, Document | None]:
        """Give the statistics as the two views in MongoDB have them; None where a view has none yet."""
        with translated():
            return {
                name: self._database[name].find_one({"_id": user_id}, _NOT_THEIRS)
                for name in (USER_STATS, USER_STATS_BATCH)
            }

    def kept_answers(self, user_id: str) -> list[Document]:
        """Give {key, answer, created_at} of the changes that came with an Idempotency-Key, by key."""
        with translated():
            found = self._database[IDEMPOTENCY_KEYS].find(kept_of(user_id)).sort("_id", ASCENDING)
            return [{"key": it["_id"]["key"], "answer": it["answer"], "created_at": it["created_at"]} for it in found]
