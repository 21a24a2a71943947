"""What the speed view must reach from and to: each user's published boundary and last issued sequence, in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from pymongo.read_concern import ReadConcern

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.contracts.collections import SPEED_REPAIRS, USER_SEQUENCES, USER_STATS_BATCH
from cinematch.contracts.speed_view import DueUser

PAGE_USERS: Final = 1_000


class Boundaries:
    """Boundaries of one database; every call raises StoreUnavailable.

    A user is *due* when events were issued after the published boundary: then, and only then, Redis is needed. What
    was issued is what a majority has: so whoever reads the outbox afterwards finds each of these events.
    """

    def __init__(self, database: SyncDatabase) -> None:
        self._sequences = database.get_collection(USER_SEQUENCES, read_concern=ReadConcern("majority"))
        self._batch = database[USER_STATS_BATCH]
        self._requests = database[SPEED_REPAIRS]
        self._erasures = Erasures(database)

    def due(self, user_ids: Iterable[str]) -> list[DueUser]:
        """Give those of the users that are due."""
        with translated():
            found = self._sequences.find({"_id": {"$in": sorted(set(user_ids))}})
            return self._due(list(found))

    def due_pages(self, size: int = PAGE_USERS) -> Iterator[list[DueUser]]:
        """Give all due users in pages of at most `size`: a scan, not a snapshot."""
        page: list[Document] = []
        with translated():
            for counter in self._sequences.find({}, batch_size=size):
                page.append(counter)
                if len(page) == size:
                    yield self._due(page)
                    page = []
            yield self._due(page)

    def floors(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Give the floor of those of the users that were erased."""
        return self._erasures.floors(user_ids)

    def repair_requests(self, at_most: int = PAGE_USERS) -> list[Document]:
        """Give requests of readers who found a user's view broken: those longest ago made, or put off, first."""
        with translated():
            return list(self._requests.find({}, sort=[("requested_at", 1)], limit=at_most))

    def end_repair_requests(self, requests: Sequence[Document]) -> None:
        """Remove requests that were fulfilled."""
        with translated():
            self._requests.delete_many({"_id": {"$in": [request["_id"] for request in requests]}})

    def put_off_repair_requests(self, requests: Sequence[Document]) -> None:
        """Let these be the last to be given: nobody behind them waits for what they wait for."""
        with translated():
            self._requests.update_many(
                {"_id": {"$in": [request["_id"] for request in requests]}},
                {"$set": {"requested_at": datetime.now(UTC)}},
            )

    def _due(self, counters: Sequence[Document]) -> list[DueUser]:
        found = self._batch.find({"_id": {"$in": [counter["_id"] for counter in counters]}}, {"as_of_sequence": 1})
        boundaries = {document["_id"]: int(document["as_of_sequence"]) for document in found}
        users = (
            DueUser(it["_id"], max(boundaries.get(it["_id"], 0), it.get("floor", 0)), it["sequence"]) for it in counters
        )
        return [user for user in users if user.issued > user.boundary]
