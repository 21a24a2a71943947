"""The first count of the global trends, from the lists as they stand, in ranges of users.

Each range is one transaction: it reads the range's lists and sequences from one snapshot, adds them to the counts,
notes each user's sequence as counted, and moves the position on. So a crash loses no range and repeats none, the next
start goes on where it stopped, two at the same time share the work, and an event that is in flight meanwhile is either
in the lists that were read (its sequence is noted) or comes later by the stream; never both, never neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument
from pymongo.client_session import ClientSession

from cinematch.adapters.mongodb_client import Document, SyncClient, translated
from cinematch.adapters.mongodb_trend_counts import TrendCounts, in_transaction
from cinematch.contracts.collections import GLOBAL_BOOTSTRAP, MOVIES, USER_SEQUENCES
from cinematch.domain.trends import TrendIncrements

_ID: Final = "global_trends"
_BEFORE_ALL_USERS: Final = ""


@dataclass(frozen=True, slots=True)
class RangeLimits:
    """How large a range may become: its transaction has to end within MongoDB's minute, also on a busy machine."""

    users: int = 20_000
    entries: int = 250_000


class TrendsBootstrap:
    """The bootstrap of one database; every call may raise StoreUnavailable."""

    def __init__(self, client: SyncClient, database: str, limits: RangeLimits = RangeLimits()) -> None:
        self._client = client
        self._limits = limits
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
        """Give the last user of the range that begins after `position`; None: it has no end.

        It ends with the user who fills it, by the number of users or of entries; a longer list stays whole.
        """
        users = self._sequences.find({"_id": {"$gt": position}}, {"_id": 1}, session=session)
        last = next(users.sort("_id", ASCENDING).skip(self._limits.users - 1).limit(1), None)
        entries = self._movies.find({"user_id": {"$gt": position}}, {"_id": 0, "user_id": 1}, session=session)
        full = next(entries.sort("user_id", ASCENDING).skip(self._limits.entries - 1).limit(1), None)
        ends = [found[user_id] for found, user_id in ((last, "_id"), (full, "user_id")) if found]
        return min(ends, default=None)

    def _increments(self, users: Document, window_start: datetime, session: ClientSession) -> TrendIncrements:
        increments = TrendIncrements()
        in_window = {"user_id": users, "added_at": {"$gte": window_start}}
        for group in self._movies.aggregate([{"$match": in_window}, _BY_FILM_AND_GENRES], session=session):
            movie_id, genres, count = group["_id"]["movie_id"], group["_id"]["genres"], group["count"]
            increments.movies[movie_id] += count
            increments.titles[movie_id] = group["title"]
            increments.genres.update(dict.fromkeys(genres, count))  # a genre counts once for each entry
        for counter in self._sequences.find({"_id": users}, session=session):
            increments.progress[counter["_id"]] = counter["sequence"]
        return increments


_BY_FILM_AND_GENRES: Final[dict[str, Any]] = {
    "$group": {
        "_id": {"movie_id": "$movie_id", "genres": "$genres"},
        "count": {"$sum": 1},
        "title": {"$max": "$title"},
    }
}
"""One row a film, or a few where its genres have changed between two additions."""
