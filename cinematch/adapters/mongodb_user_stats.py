"""What the micro-batch statistics read and write in MongoDB: users' whole lists, and the view `user_stats`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from bson import Timestamp
from pymongo import ASCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from cinematch.adapters.mongodb_client import Document, SyncClient, SyncDatabase, only_duplicates, translated
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.contracts.collections import MOVIES, USER_SEQUENCES, USER_STATS
from cinematch.domain.events import to_tenths
from cinematch.domain.statistics import Statistics

ServerTime = Timestamp
"""MongoDB's logical clock: it orders whatever one replica set has done, and no machine's clock matters."""
_BY_USER: Final = [("user_id", ASCENDING), ("movie_id", ASCENDING)]
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class StoredList:
    """One user's documents of `movies`, as they are right after event `sequence` (0: this user has no event).

    is_erased: the user is nobody now; `sequence` is the floor.
    read_at: MongoDB's own time before which everything was written that a later look-up of the catalog will not miss.
    """

    user_id: str
    sequence: int
    movies: list[Document]
    read_at: ServerTime | None = None
    is_erased: bool = False

    @property
    def rating_tenths(self) -> int:
        """Add up the ratings, exactly."""
        return sum(to_tenths(movie["rating"]) or 0 for movie in self.movies)


@dataclass(frozen=True, slots=True)
class UserStats:
    """One user's statistics as of event `sequence`.

    rating_tenths: the exact sum of the ratings whose rounded mean is in `stats` (STATS_MODE=incremental adds to it).
    read_at: that of the list; the catalog was looked up after it (None: not known, which gives way to one that is).
    """

    user_id: str
    stats: Statistics
    rating_tenths: int
    sequence: int
    last_updated: datetime
    read_at: ServerTime | None = None


class StoredLists:
    """The watchlists of one database, each read together with its sequence."""

    def __init__(self, client: SyncClient, database: str) -> None:
        self._client = client
        self._database = client[database]
        self._erasures = Erasures(self._database)

    def read(self, user_ids: Sequence[str]) -> Iterator[StoredList]:
        """Give each user's list once, in any order, holding one list at a time. Raises StoreUnavailable.

        All reads are of one snapshot, so a list is exactly what the events up to its sequence made of it.
        """
        users = {"$in": sorted(user_ids)}
        with translated(), self._client.start_session(snapshot=True) as session:
            counters = self._database[USER_SEQUENCES].find({"_id": users}, session=session)
            sequences = {counter["_id"]: counter["sequence"] for counter in counters}
            read_at = session.operation_time
            empty = set(user_ids)
            entries = self._database[MOVIES].find({"user_id": users}, session=session).sort("user_id", ASCENDING)
            for user_id, movies in groupby(entries, key=lambda entry: str(entry["user_id"])):
                empty.discard(user_id)
                yield StoredList(user_id, sequences.get(user_id, 0), list(movies), read_at)
            floors = self._erasures.floors((user_id for user_id in empty if user_id not in sequences), session)
            for user_id in empty:
                sequence = sequences.get(user_id, floors.get(user_id, 0))
                yield StoredList(user_id, sequence, [], read_at, is_erased=user_id in floors)

    def users_with(self, movie_ids: Collection[str]) -> Iterator[str]:
        """Give every user whose list holds one of these films. Raises StoreUnavailable.

        One pass over the keys of an index, whatever the number of films; no document is read.
        """
        holding = {"movie_id": {"$in": sorted(movie_ids)}}
        with translated():
            found = self._database[MOVIES].find(holding, {"_id": 0, "user_id": 1}, hint=_BY_USER).sort(_BY_USER)
            for user_id, _ in groupby(found, key=lambda entry: str(entry["user_id"])):
                yield user_id


class UserStatsView:
    """The collection `user_stats`: {_id, user_id, stats, rating_tenths, sequence, read_at, last_updated}."""

    def __init__(self, database: SyncDatabase) -> None:
        self._view = database[USER_STATS]
        self._counters = database[USER_SEQUENCES]

    def write(self, results: Sequence[UserStats]) -> None:
        """Write results, but none over one of a higher sequence, or of a newer catalog. Raises StoreUnavailable.

        Of several writers at the same time the highest sequence wins, whatever their order; of equal ones the one that
        read last: whoever reads a list after a change of the catalog looks the films up after it, too.
        """
        if not results:
            return
        operations = [_replacement(result) for result in results]
        with translated():
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._view.bulk_write(operations, ordered=False)
                    return
                except BulkWriteError as error:
                    if attempt == _ATTEMPTS or not only_duplicates(error):
                        raise

    def forget(self, floors: Mapping[str, int]) -> int:
        """Remove users' documents that reach no further than the floor; give how many. Raises StoreUnavailable."""
        if not floors:
            return 0
        old = [{"_id": user_id, "sequence": {"$lte": floor}} for user_id, floor in floors.items()]
        with translated():
            return self._view.delete_many({"$or": old}).deleted_count

    def behind(self, sequences: Mapping[str, int]) -> list[str]:
        """Give, of these users, those whose document is older than the sequence given, and who were not erased.

        Raises StoreUnavailable.
        """
        with translated():
            found = self._view.find({"_id": {"$in": sorted(sequences)}}, {"sequence": 1})
            reached = {document["_id"]: document["sequence"] for document in found}
            older = [user_id for user_id, sequence in sequences.items() if reached.get(user_id, 0) < sequence]
            living = {counter["_id"] for counter in self._counters.find({"_id": {"$in": older}}, {"_id": 1})}
        return [user_id for user_id in older if user_id in living]

    def users(self) -> Iterator[str]:
        """Give everybody who has a document. Raises StoreUnavailable."""
        with translated():
            for document in self._view.find({}, {"_id": 1}).sort("_id", ASCENDING):
                yield document["_id"]


def _replacement(result: UserStats) -> UpdateOne:
    """Compare and replace in one server-side step; names with dots or dollars are data, so they are quoted."""
    document = {
        "_id": result.user_id,
        "user_id": result.user_id,
        "stats": result.stats,
        "rating_tenths": result.rating_tenths,
        "sequence": result.sequence,
        "read_at": result.read_at,
        "last_updated": result.last_updated,
    }
    # Arrays compare member by member: by sequence, then by the time of reading; null comes before every time.
    stored = [{"$ifNull": ["$sequence", 0]}, {"$ifNull": ["$read_at", None]}]
    is_newer = {"$gt": [stored, {"$literal": [result.sequence, result.read_at]}]}
    stage = {"$replaceWith": {"$cond": [is_newer, "$$ROOT", {"$literal": document}]}}
    return UpdateOne({"_id": result.user_id}, [stage], upsert=True)
