"""The in-memory twins of `MongoStats` and `RedisStatsCache`; tests/contract proves each equal to the real one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from cinematch.contracts.stored_stats import CachedStats, Stored, stored
from cinematch.domain.watchlist import Film, ListEntry
from tests.twins.memory_generations import MemoryGenerations

Document = dict[str, Any]


@dataclass
class MemoryStats:
    """`StatsStore` over dictionaries, which tests fill."""

    generations: MemoryGenerations = field(default_factory=MemoryGenerations)
    sequences: dict[str, int] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    views: dict[str, Document] = field(default_factory=dict)
    catalog: dict[str, Film] = field(default_factory=dict)
    trends: Document | None = None
    repairs: set[str] = field(default_factory=set)

    async def user_stats(self, user_id: str) -> Stored:
        return self._stored(user_id, self.views.get(user_id))

    async def batch_stats(self, user_id: str) -> Stored:
        return self._stored(user_id, self.generations.document(user_id))

    async def latest_sequence(self, user_id: str) -> int:
        return self.sequences.get(user_id, 0)

    async def whole_list(self, user_id: str, generation: int) -> list[ListEntry]:
        return self.generations.entries(generation, user_id)

    async def films(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        return {movie_id: self.catalog[movie_id] for movie_id in movie_ids if movie_id in self.catalog}

    async def global_trends(self) -> Document | None:
        return self.trends

    async def request_repair(self, user_id: str) -> None:
        self.repairs.add(user_id)

    def _stored(self, user_id: str, document: Document | None) -> Stored:
        if user_id not in self.sequences:
            return Stored(None, 0)
        return stored(document, self.sequences[user_id], self.floors.get(user_id, 0))


@dataclass
class MemoryStatsCache:
    """`StatsCache` over dictionaries. Nothing expires here: `cached` and `locks` are the whole state."""

    cached: dict[str, CachedStats] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)

    async def get(self, user_id: str) -> CachedStats | None:
        return self.cached.get(user_id)

    async def put(self, user_id: str, cached: CachedStats) -> None:
        self.cached[user_id] = replace(cached, stats=orjson.loads(orjson.dumps(cached.stats, option=orjson.OPT_UTC_Z)))

    async def acquire(self, user_id: str, token: str) -> bool:
        return self.locks.setdefault(user_id, token) == token

    async def release(self, user_id: str, token: str) -> None:
        if self.locks.get(user_id) == token:
            del self.locks[user_id]
