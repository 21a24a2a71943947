"""All that MongoDB holds of one user, to be given to that user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pymongo import ASCENDING

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.contracts.collections import MOVIES, USER_SEQUENCES, USER_STATS, USER_STATS_BATCH

_NOT_THEIRS: Final = {"_id": 0, "rating_tenths": 0, "read_at": 0, "summary": 0}
"""What views keep for their own arithmetic: all of it follows from the rest."""


class PersonalData:
    """One database. Every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database

    def counter(self, user_id: str) -> Document | None:
        """Give {sequence, floor}; None for a user who never was, or was erased."""
        with translated():
            return self._database[USER_SEQUENCES].find_one({"_id": user_id}, {"_id": 0})

    def movies(self, user_id: str) -> Iterator[Document]:
        """Give the list's entries by movie_id."""
        with translated():
            yield from self._database[MOVIES].find({"user_id": user_id}, {"_id": 0}).sort("movie_id", ASCENDING)

    def statistics(self, user_id: str) -> dict[str, Document | None]:
        """Give the statistics as the two views in MongoDB have them; None where a view has none yet."""
        with translated():
            return {
                name: self._database[name].find_one({"_id": user_id}, _NOT_THEIRS)
                for name in (USER_STATS, USER_STATS_BATCH)
            }
