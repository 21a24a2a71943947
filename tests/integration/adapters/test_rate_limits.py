"""Requests counted in a real Redis: together, for a while, and with a clear error when it is away."""

from __future__ import annotations

import secrets

import pytest

from cinematch.adapters.redis_client import connect_async
from cinematch.adapters.redis_rate_limits import RedisCounts
from cinematch.contracts.redis_keys import RATE_PREFIX
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(params=["one node", "cluster"])
def redis_settings(request: pytest.FixtureRequest, redis_server: RedisServer) -> Settings:
    """Settings that lead to one node, and to a cluster."""
    if request.param == "one node":
        return Settings(redis_url=redis_server.url, redis_timeout_seconds=30.0)
    cluster: Settings = request.getfixturevalue("cluster_settings")
    return cluster


async def test_all_processes_count_together_and_a_count_is_forgotten(redis_settings: Settings) -> None:
    keys = [f"user:{{{secrets.token_hex(4)}}}:1" for _ in range(3)]
    async with connect_async(redis_settings) as one, connect_async(redis_settings) as other:
        first, second = RedisCounts(one), RedisCounts(other)
        for key in keys:
            assert [await first.count(key, 120), await second.count(key, 120), await first.count(key, 120)] == [1, 2, 3]
            left = await one.ttl(f"{RATE_PREFIX}:{key}")
            assert 100 < left <= 120


async def test_without_redis_counting_fails_clearly() -> None:
    async with connect_async(Settings(redis_url="redis://127.0.0.1:1")) as redis:
        with pytest.raises(StoreUnavailable):
            await RedisCounts(redis).count("user:{anna}:1", 120)
