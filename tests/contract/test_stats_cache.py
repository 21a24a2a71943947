"""The rules of `StatsCache`: one suite for the twin in memory and for Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from cinematch.adapters.redis_client import connect_async
from cinematch.adapters.redis_stats_cache import LOCK_MILLISECONDS, RedisStatsCache
from cinematch.contracts.redis_keys import cached_stats_key, stats_lock_key
from cinematch.contracts.stored_stats import CachedStats
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from serving_layer.stores import StatsCache
from tests.twins.memory_stats import MemoryStatsCache

NOW = datetime(2026, 1, 20, 3, 4, 5, 678_000, tzinfo=UTC)
USER = "us{er} è"
CACHED = CachedStats({"recent_movies": [{"title": "Città", "watched_at": NOW}]}, 7, NOW, "token")


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[StatsCache]:
    """Every implementation."""
    if request.param == "memory":
        yield MemoryStatsCache()
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    client = connect_async(Settings(redis_url=server.url, redis_timeout_seconds=30.0))
    await client.delete(cached_stats_key(USER), stats_lock_key(USER))
    yield RedisStatsCache(client, 300)
    await client.aclose()


async def test_what_was_never_cached_is_absent(cache: StatsCache) -> None:
    assert await cache.get("nobody") is None


async def test_what_was_cached_comes_back_with_times_as_the_answer_writes_them(cache: StatsCache) -> None:
    await cache.put(USER, CACHED)
    stats = {"recent_movies": [{"title": "Città", "watched_at": "2026-01-20T03:04:05.678000Z"}]}
    assert await cache.get(USER) == CachedStats(stats, 7, NOW, "token")


async def test_a_view_without_any_update_can_be_cached(cache: StatsCache) -> None:
    await cache.put(USER, CachedStats({}, 0, None, "token"))
    assert await cache.get(USER) == CachedStats({}, 0, None, "token")


async def test_one_token_holds_the_lock_until_it_gives_it_back(cache: StatsCache) -> None:
    assert await cache.acquire(USER, "one")
    assert not await cache.acquire(USER, "two")
    await cache.release(USER, "two")
    assert not await cache.acquire(USER, "two")
    await cache.release(USER, "one")
    assert await cache.acquire(USER, "two")


async def test_values_and_locks_expire_in_redis(redis_server: RedisServer) -> None:
    client = connect_async(Settings(redis_url=redis_server.url, redis_timeout_seconds=30.0))
    cache = RedisStatsCache(client, 300)
    await cache.put("expiring", CACHED)
    assert await cache.acquire("expiring", "token")
    assert 0 < await client.ttl(cached_stats_key("expiring")) <= 300
    assert 0 < await client.pttl(stats_lock_key("expiring")) <= LOCK_MILLISECONDS
    await client.aclose()


@pytest.mark.parametrize("command", ["SET {} {{", "SET {} {{}}", "LPUSH {} x"])
async def test_what_cannot_be_read_is_not_there_and_is_replaced(redis_server: RedisServer, command: str) -> None:
    client = connect_async(Settings(redis_url=redis_server.url, redis_timeout_seconds=30.0))
    cache, user = RedisStatsCache(client, 300), "damaged"
    await client.delete(cached_stats_key(user))
    await client.execute_command(*command.format(cached_stats_key(user)).split())
    assert await cache.get(user) is None
    await cache.put(user, CACHED)
    assert await cache.get(user) is not None
    await client.aclose()
