"""STATS_MODE=cache_aside (phase 1): Redis `stats:{user_id}` in front of `user_stats`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

from cinematch.contracts.stored_stats import CachedStats
from cinematch.errors import StoreUnavailable, UserNotFound
from cinematch.settings import StatsMode
from cinematch.telemetry import get_logger
from serving_layer.answer import UserView
from serving_layer.micro_batch_mode import micro_batch_view, stats_of
from serving_layer.stores import StatsCache, StatsStore

RETRY_SECONDS: Final = 0.01
"""Between two looks of a reader who waits for another one's recomputation."""
RETRIES: Final = 200
"""After two seconds, in which a lock expires as well, a waiting reader helps itself."""

_log = get_logger(__name__)


class CacheAsideStats:
    """`user_stats` through a cache that does not lie.

    A cached answer counts until it expires or until an event beyond it is issued: each read compares its sequence with
    the user's counter, a look-up of one number by `_id`. So the cache spares MongoDB the large documents, and never
    hides somebody's own change for longer than the micro-batch does. One reader of a user recomputes, the others wait.
    """

    def __init__(
        self, store: StatsStore, cache: StatsCache, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._store = store
        self._cache = cache
        self._sleep = sleep

    async def view(self, user_id: str) -> UserView | None:
        """Read through the cache; without Redis, straight from MongoDB.

        Raises UserNotFound for somebody who is erased meanwhile: nothing of them is cached.
        """
        latest, seen = await asyncio.gather(self._store.latest_sequence(user_id), self._seen(user_id))
        if latest == 0:
            return None
        if seen is None or seen.sequence < latest:
            seen = await self._renewed(user_id, seen)
        return micro_batch_view(StatsMode.CACHE_ASIDE, user_id, seen, latest)

    async def _seen(self, user_id: str) -> CachedStats | None:
        try:
            return await self._cache.get(user_id)
        except StoreUnavailable as error:
            _log.warning("the cache cannot be read", detail=error.detail)
            return None

    async def _renewed(self, user_id: str, seen: CachedStats | None) -> CachedStats:
        try:
            return await self._recomputed_once(user_id, seen)
        except StoreUnavailable as error:
            if error.store != "redis":
                raise
            return await self._stored(user_id)

    async def _recomputed_once(self, user_id: str, seen: CachedStats | None) -> CachedStats:
        token = uuid4().hex
        for _ in range(RETRIES):
            if await self._cache.acquire(user_id, token):
                return await self._recomputed(user_id, seen, token)
            await self._sleep(RETRY_SECONDS)
            renewal = await self._renewal(user_id, seen)
            if renewal is not None:
                return renewal
        return await self._stored(user_id)

    async def _recomputed(self, user_id: str, seen: CachedStats | None, token: str) -> CachedStats:
        """Recompute under the lock, unless somebody else did between our look and our lock."""
        try:
            renewal = await self._renewal(user_id, seen)
            if renewal is None:
                renewal = await self._stored(user_id, token)
                await self._cache.put(user_id, renewal)
            return renewal
        finally:
            await self._cache.release(user_id, token)

    async def _renewal(self, user_id: str, seen: CachedStats | None) -> CachedStats | None:
        """Give what was cached since `seen`, if anything was."""
        cached = await self._cache.get(user_id)
        return cached if cached is not None and (seen is None or cached.token != seen.token) else None

    async def _stored(self, user_id: str, token: str = "") -> CachedStats:
        """Read MongoDB. Raises UserNotFound for somebody who was erased since the counter was read."""
        stored = await self._store.user_stats(user_id)
        if stored.latest_sequence == 0:
            raise UserNotFound(f"user {user_id!r} has no list any more")
        return stats_of(stored, token)
