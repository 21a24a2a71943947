"""Users' lists as they are now, for the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cinematch.adapters.mongodb_client import AsynchronousDatabase, translated
from cinematch.contracts.collections import MOVIES, USER_SEQUENCES
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.watchlist import ListEntry

_ENTRY: Final = {"_id": 0, "movie_id": 1, "title": 1, "genres": 1, "rating": 1, "watched_at": 1, "added_at": 1}


@dataclass(frozen=True, slots=True)
class CurrentList:
    """One user's list, as it is right after event `sequence` (0: this user has no event)."""

    sequence: int
    entries: list[ListEntry]


class MongoCurrentLists:
    """The watchlists of one database, each read together with its sequence."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._database = database

    async def read(self, user_id: str) -> CurrentList:
        """Give one user's whole list, all of one snapshot. Raises StoreUnavailable."""
        with translated():
            async with self._database.client.start_session(snapshot=True) as session:
                issued = await self._database[USER_SEQUENCES].find_one({"_id": user_id}, session=session)
                movies = self._database[MOVIES].find({"user_id": user_id}, _ENTRY, session=session)
                entries = [read_movie(movie) async for movie in movies]
        return CurrentList(int(issued["sequence"]) if issued else 0, entries)
