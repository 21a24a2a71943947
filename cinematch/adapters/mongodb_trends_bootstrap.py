"""The first count of the global trends, from the lists as they stand, in ranges of users.

Each range is one transaction: it reads the range's lists and sequences from one snapshot, adds them to the counts,
notes each user's sequence as counted, and moves the position on. So a crash loses no range and repeats none, the next
start goes on where it stopped, two at the same time share the work, and an event that is in flight meanwhile is either
in the lists that were read (its sequence is noted) or comes later by the stream; never both, never neither.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument
from pymongo.client_session import ClientSession

from cinematch.adapters.mongodb_client import Document, SyncClient, translated
from cinematch.adapters.mongodb_trend_counts import TrendCounts, in_transaction
from cinematch.contracts.collections import GLOBAL_BOOTSTRAP, MOVIES, USER_SEQUENCES
from cinematch.domain.trends import TrendIncrements

RANGE_USERS: Final = 1_000
_ID: Final = "global_trends"
_BEFORE_ALL_USERS: Final = ""


class TrendsBootstrap:
    """The bootstrap of one database; every call may raise StoreUnavailable."""

    def __init__(self, client: SyncClient, database: str, range_users: int = RANGE_USERS) -> None:
        self._client = client
        self._range_users = range_users
        self._state = client[database][GLOBAL_BOOTSTRAP]
        self._movies = client[database][MOVIES]
        self._sequences = client[database][USER_SEQUENCES]
        self._counts = TrendCounts(client[database])

    def begin(self, window_start: datetime) -> datetime:
        """Begin, or go on with, a bootstrap; give its window's start: that of whoever began first."""
        start: Document = {"window_start": window_start, "position": _BEFORE_ALL_USERS}
        with translated():
            state = self._state.find_one_and_update(
                {"_id": _ID}, {"$setOnInsert": start}, upsert=True, return_document=ReturnDocument.AFTER
            )
        begun: datetime = (state or start)["window_start"]
        return begun

    def users(self) -> int:
        """Estimate how many users there are."""
        with translated():
            return self._sequences.estimated_document_count()

    def count_range(self) -> int | None:
        """Count the next range of users; give how many had a sequence, None when no range is left."""
        return in_transaction(self._client, self._count_range)

    def _count_range(self, session: ClientSession) -> int | None:
        state = self._state.find_one({"_id": _ID}, session=session)
        if state is None or state["position"] is None:
            return None
        end = self._range_end(state["position"], session)
        users: Document = {"$gt": state["position"]} | ({} if end is None else {"$lte": end})
        increments = self._increments(users, state["window_start"], session)
        self._counts.apply(increments, session)
        self._state.update_one({"_id": _ID}, {"$set": {"position": end}}, session=session)
        return len(increments.progress)

    def _range_end(self, position: str, session: ClientSession) -> str | None:
        """Give the last user of the range that begins after `position`; None: it has no end."""
        later = self._sequences.find({"_id": {"$gt": position}}, {"_id": 1}, session=session)
        last = next(later.sort("_id", ASCENDING).skip(self._range_users - 1).limit(1), None)
        return last["_id"] if last else None

    def _increments(self, users: Document, window_start: datetime, session: ClientSession) -> TrendIncrements:
        in_window = {"$match": {"user_id": users, "added_at": {"$gte": window_start}}}
        increments = TrendIncrements()
        film = {"_id": "$movie_id", "count": {"$sum": 1}, "title": {"$max": "$title"}}
        for found in self._movies.aggregate([in_window, {"$group": film}], session=session):
            increments.movies[found["_id"]] = found["count"]
            increments.titles[found["_id"]] = found["title"]
        for found in self._movies.aggregate([in_window, *_GENRE_COUNTS], session=session):
            increments.genres[found["_id"]] = found["count"]
        for counter in self._sequences.find({"_id": users}, session=session):
            increments.progress[counter["_id"]] = counter["sequence"]
        return increments


_GENRE_COUNTS: Final[list[dict[str, Any]]] = [
    {"$project": {"genres": {"$setUnion": ["$genres", []]}}},  # a genre counts once for each entry
    {"$unwind": "$genres"},
    {"$group": {"_id": "$genres", "count": {"$sum": 1}}},
]
