"""The cache of STATS_MODE=cache_aside: `stats:{user_id}` with SETEX, and a lock a user with an expiry of its own.

Values are JSON, to be read with redis-cli as well: stats, sequence, last_updated, token.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import orjson
from redis.exceptions import ResponseError

from cinematch.adapters.redis_client import AsyncRedisClient, RedisClient, is_damage, timed
from cinematch.contracts.redis_keys import cached_stats_key, stats_lock_key
from cinematch.contracts.stored_stats import CachedStats

LOCK_MILLISECONDS: Final = 2_000
"""Longer than a recomputation takes; when its holder dies, the others wait no longer than this."""
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisStatsCache:
    """The cache over one node or a cluster. Every call may raise StoreUnavailable."""

    def __init__(self, client: AsyncRedisClient, expiry_seconds: int) -> None:
        self._client = client
        self._expiry_seconds = expiry_seconds

    async def get(self, user_id: str) -> CachedStats | None:
        """Give the cached statistics unless they have expired; their times are RFC 3339 strings, as in the answer.

        What cannot be read is not there: the next `put` replaces it.
        """
        with timed("cache_get"):
            cached = await self._readable(cached_stats_key(user_id))
        return None if cached is None else _decoded(cached)

    async def _readable(self, key: str) -> bytes | str | None:
        try:
            return await self._client.get(key)
        except ResponseError as error:
            if is_damage(error):
                return None
            raise

    async def put(self, user_id: str, cached: CachedStats) -> None:
        """Cache for the expiry time."""
        with timed("cache_put"):
            await self._client.set(cached_stats_key(user_id), _encoded(cached), ex=self._expiry_seconds)

    async def acquire(self, user_id: str, token: str) -> bool:
        """Take the user's lock under this token, unless somebody holds it; it expires by itself."""
        with timed("lock"):
            taken = await self._client.set(stats_lock_key(user_id), token, nx=True, px=LOCK_MILLISECONDS)
        return bool(taken)

    async def release(self, user_id: str, token: str) -> None:
        """Give the user's lock back, if this token still holds it."""
        with timed("unlock"):
            await self._client.execute_command("EVAL", _RELEASE, 1, stats_lock_key(user_id), token)


def forget_cached(client: RedisClient, user_id: str) -> int:
    """Remove a user's cached statistics and lock; give how many keys went. Raises StoreUnavailable."""
    with timed("cache_forget"):
        return sum(int(client.delete(key)) for key in (cached_stats_key(user_id), stats_lock_key(user_id)))


def _encoded(cached: CachedStats) -> bytes:
    return orjson.dumps(cached, option=orjson.OPT_UTC_Z)


def _decoded(value: bytes | str) -> CachedStats | None:
    try:
        fields = orjson.loads(value)
        updated = fields["last_updated"]
        return CachedStats(
            stats=fields["stats"],
            sequence=int(fields["sequence"]),
            last_updated=datetime.fromisoformat(updated) if updated else None,
            token=fields["token"],
        )
    except (LookupError, TypeError, ValueError):
        return None
