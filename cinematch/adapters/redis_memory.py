"""How much Redis holds: for those who look on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from cinematch.adapters.redis_client import RedisClient, translated_errors


@dataclass(frozen=True, slots=True)
class RedisMemory:
    """Of all primaries together: keys of any kind, and bytes of memory."""

    keys: int
    used_bytes: int


def memory(client: RedisClient) -> RedisMemory:
    """Ask one node, or every primary of a cluster. Raises StoreUnavailable."""
    with translated_errors():
        if not isinstance(client, redis.RedisCluster):
            return RedisMemory(int(client.dbsize()), int(client.info("memory")["used_memory"]))
        cluster: Any = client  # the driver types this part of a cluster not
        primaries = cluster.get_primaries()
        keys = sum(int(cluster.dbsize(target_nodes=node)) for node in primaries)
        used = sum(int(cluster.info("memory", target_nodes=node)["used_memory"]) for node in primaries)
        return RedisMemory(keys, used)
