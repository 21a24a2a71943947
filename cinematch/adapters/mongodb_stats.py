"""The views of GET /stats and GET /trends/global in MongoDB, read asynchronously; one round trip a call.

Enters: a database of an AsyncMongoClient with aware times. Every call may raise StoreUnavailable. Users who are asked
for at the same time share a round trip (`read_line`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from cinematch.adapters.mongodb_catalog import AsyncCatalog
from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document, translated
from cinematch.adapters.read_line import ReadLine
from cinematch.contracts.batch_document import read_entry
from cinematch.contracts.collections import (
    GLOBAL_STATS,
    SPEED_REPAIRS,
    USER_SEQUENCES,
    USER_STATS,
    USER_STATS_BATCH,
    user_movies_generation,
)
from cinematch.contracts.stored_stats import Stored, stored
from cinematch.domain.watchlist import Film, ListEntry

_PUBLIC_TRENDS: Final = {
    "_id": 0,
    "type": 1,
    "top_movies": 1,
    "trending_genres": 1,
    "total_movies_analyzed": 1,
    "genre_counts": 1,
    "updated_at": 1,
    "source": 1,
    "previous_top": 1,
    "compared_with": 1,
}
"""What people see, or what it is made of; counts of every film and the poster cache are the stream's own, and large."""


class MongoStats:
    """Reads the statistics views of one database."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._database = database
        self._catalog = AsyncCatalog(database)
        self._user_stats = ReadLine(partial(self._with_latest_sequences, USER_STATS))
        self._batch_stats = ReadLine(partial(self._with_latest_sequences, USER_STATS_BATCH))

    async def user_stats(self, user_id: str) -> Stored:
        """Read the user's micro-batch document and the last sequence issued."""
        return await self._user_stats(user_id)

    async def batch_stats(self, user_id: str) -> Stored:
        """Read the user's published batch document and the last sequence issued."""
        return await self._batch_stats(user_id)

    async def latest_sequence(self, user_id: str) -> int:
        """Give the last sequence issued to the user; 0 when there is none."""
        with translated():
            found = await self._database[USER_SEQUENCES].find_one({"_id": user_id})
        return int(found["sequence"]) if found else 0

    async def whole_list(self, user_id: str, generation: int) -> list[ListEntry]:
        """Give the user's whole list in one generation; empty also when that generation is gone."""
        with translated():
            chunks = self._database[user_movies_generation(generation)].find({"user_id": user_id}).sort("chunk", 1)
            return [read_entry(fields) async for chunk in chunks for fields in chunk["entries"]]

    async def films(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        """Give the catalog entries of these films; those that the catalog lacks are absent."""
        return await self._catalog.films_by_id(movie_ids)

    async def global_trends(self) -> Document | None:
        """Give the global trends without what only the stream needs; None before the bootstrap."""
        with translated():
            return await self._database[GLOBAL_STATS].find_one({"type": "global_trends"}, _PUBLIC_TRENDS)

    async def request_repair(self, user_id: str) -> None:
        """Ask the speed layer to repair this user; asking again changes nothing."""
        with translated():
            await self._database[SPEED_REPAIRS].update_one(
                {"_id": user_id}, {"$setOnInsert": {"requested_at": datetime.now(UTC)}}, upsert=True
            )

    async def _with_latest_sequences(self, view: str, user_ids: Sequence[str]) -> dict[str, Stored]:
        """Join by `_id` on the server: the counter first, then the document, so the counter may be the older one."""
        stages: list[Document] = [
            {"$match": {"_id": {"$in": user_ids}}},
            {"$lookup": {"from": view, "localField": "_id", "foreignField": "_id", "as": "found"}},
        ]
        with translated():
            cursor = await self._database[USER_SEQUENCES].aggregate(stages)
            joined = await cursor.to_list()
        return dict.fromkeys(user_ids, Stored(None, 0)) | {found["_id"]: _stored(found) for found in joined}


def _stored(joined: Document) -> Stored:
    document = next(iter(joined["found"]), None)
    return stored(document, int(joined["sequence"]), int(joined.get("floor", 0)))
