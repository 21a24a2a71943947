"""Counts requests in Redis, so that all processes of the API count together."""

from __future__ import annotations

from typing import Any

from limits.aio.storage import RedisStorage

from cinematch.adapters.redis_client import AsyncRedisClient, timed
from cinematch.contracts.redis_keys import RATE_PREFIX


class _ConnectedStorage(RedisStorage):
    """The library's storage over a client of ours: one node or a cluster, with our time-outs and certificates."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self._client = client
        super().__init__("async+redis://", implementation="redispy", key_prefix=RATE_PREFIX)

    def configure_bridge(self) -> None:
        """Use the client, in place of one of the library's own."""
        bridge: Any = self.bridge
        bridge.storage = self._client
        bridge.connection_getter = lambda _: self._client


class RedisCounts:
    """Counts by key. Every call may raise StoreUnavailable."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self._storage = _ConnectedStorage(client)

    async def count(self, key: str, keep_seconds: int) -> int:
        """Count once more, and give how often this key was counted; it is forgotten after `keep_seconds`."""
        with timed("count_request"):
            counted: int = await self._storage.incr(key, keep_seconds)
        return counted
