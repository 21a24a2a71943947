"""Mode cache_aside: one recomputation at a time, no answer older than what is known, and no need of Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cinematch.contracts.stored_stats import CachedStats, Stored
from cinematch.errors import StoreUnavailable, UserNotFound
from serving_layer.answer import no_statistics
from serving_layer.cache_aside_mode import CacheAsideStats
from tests.twins.memory_stats import MemoryStats, MemoryStatsCache


class SlowStats(MemoryStats):
    """MongoDB that takes its time, and counts."""

    reads = 0

    async def user_stats(self, user_id: str) -> Stored:
        self.reads += 1
        stored = await super().user_stats(user_id)
        await asyncio.sleep(0.02)
        return stored


class NoCache:
    """Redis that is down."""

    def __getattr__(self, _: str) -> Any:
        async def fail(*_: object) -> Any:
            raise StoreUnavailable("redis", "it is down")

        return fail


def stats(sequence: int) -> SlowStats:
    document = {"stats": no_statistics() | {"total_watched": sequence}, "sequence": sequence, "last_updated": None}
    return SlowStats(sequences={"user": 3}, views={"user": document})


async def test_of_many_readers_at_once_one_recomputes() -> None:
    store = stats(3)
    mode = CacheAsideStats(store, MemoryStatsCache())
    views = await asyncio.gather(*(mode.view("user") for _ in range(200)))
    assert store.reads == 1
    assert all(view is not None and view.stats["total_watched"] == 3 for view in views)


async def test_what_is_cached_is_not_read_again() -> None:
    store = stats(3)
    mode = CacheAsideStats(store, MemoryStatsCache())
    first, second = await mode.view("user"), await mode.view("user")
    assert store.reads == 1
    assert first is not None
    assert second is not None
    assert (first.freshness, second.freshness.complete) == (second.freshness, True)


async def test_a_cached_answer_that_lacks_an_issued_event_is_recomputed() -> None:
    store = stats(3)
    mode = CacheAsideStats(store, MemoryStatsCache())
    await mode.view("user")
    store.sequences["user"] = 4
    store.views["user"] |= {"sequence": 4}
    view = await mode.view("user")
    assert view is not None
    assert (view.freshness.applied_sequence, view.freshness.complete) == (4, True)


async def test_many_readers_of_an_outdated_answer_recompute_once() -> None:
    store, cache = stats(3), MemoryStatsCache()
    await cache.put("user", CachedStats(no_statistics(), 1, None, "old"))
    mode = CacheAsideStats(store, cache)
    views = await asyncio.gather(*(mode.view("user") for _ in range(50)))
    assert store.reads == 1
    assert {view.freshness.applied_sequence for view in views if view is not None} == {3}


async def test_a_view_that_lags_behind_is_given_as_incomplete() -> None:
    view = await CacheAsideStats(stats(2), MemoryStatsCache()).view("user")
    assert view is not None
    assert (view.freshness.applied_sequence, view.freshness.latest_sequence, view.freshness.complete) == (2, 3, False)


async def test_without_redis_mongodb_answers() -> None:
    store = stats(3)
    view = await CacheAsideStats(store, NoCache()).view("user")
    assert view is not None
    assert (view.stats["total_watched"], view.freshness.complete, store.reads) == (3, True, 1)


async def test_a_reader_helps_itself_when_the_lock_is_never_given_back() -> None:
    async def no_time(_: float) -> None: ...

    store = stats(3)
    view = await CacheAsideStats(store, MemoryStatsCache(locks={"user": "of a dead process"}), no_time).view("user")
    assert view is not None
    assert view.freshness.complete


async def test_a_failed_recomputation_gives_the_lock_back() -> None:
    class Failing(MemoryStats):
        async def user_stats(self, user_id: str) -> Stored:
            raise StoreUnavailable("mongodb", "it is down")

    cache = MemoryStatsCache()
    with pytest.raises(StoreUnavailable, match="mongodb"):
        await CacheAsideStats(Failing(sequences={"user": 3}), cache).view("user")
    assert cache.locks == {}


async def test_a_user_without_any_event_is_unknown() -> None:
    assert await CacheAsideStats(MemoryStats(), MemoryStatsCache()).view("nobody") is None


async def test_nothing_is_cached_of_somebody_who_is_erased_meanwhile() -> None:
    class Erased(MemoryStats):
        async def user_stats(self, user_id: str) -> Stored:
            self.sequences.clear()
            return await super().user_stats(user_id)

    cache = MemoryStatsCache()
    with pytest.raises(UserNotFound):
        await CacheAsideStats(Erased(sequences={"user": 3}, floors={"user": 2}), cache).view("user")
    assert (cache.cached, cache.locks) == ({}, {})
