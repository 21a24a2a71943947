"""Notices that a Redis has lost writes, also those of users for whom no event comes.

Each beat leaves a new mark on every primary and finds its own last one. A primary has lost something, or may have, when

- the mark is not the last one: the data set was flushed, or replaced by an older one without a restart;
- its `run_id` changed: it was restarted, or another server took its place, and what came after the last sync to disk
  (a second, by default) may be gone although an older mark survived;
- it is another set of primaries: a failover, or a cluster that was re-arranged.

Not noticed: keys of single users that somebody deleted by hand. The audit finds those.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, cast

import redis

from cinematch.adapters.redis_client import RedisClient, timed
from cinematch.contracts.redis_keys import heartbeat_key

EXPIRY_SECONDS: Final = 86_400
"""Of a mark whose process is gone."""


@dataclass(frozen=True, slots=True)
class _Primary:
    name: str
    run_id: str
    key: str


class RedisHeartbeat:
    """The marks of one process, on one node or on all primaries of a cluster."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._process = secrets.token_hex(8)
        self._beats = 0
        self._marked: dict[_Primary, bytes] = {}

    def beat(self) -> bool:
        """Mark every primary; False when one may have lost writes since the beat before. Raises StoreUnavailable.

        The first beat is False as well: nobody knows what happened before it.
        """
        self._beats += 1
        mark = f"{self._process}:{self._beats}".encode()
        with timed("heartbeat"):
            found = {primary: self._swap(primary.key, mark) for primary in self._primaries()}
        kept = found == self._marked and bool(found)
        self._marked = dict.fromkeys(found, mark)
        return kept

    def _swap(self, key: str, mark: bytes) -> bytes | None:
        return cast(bytes | None, self._client.set(key, mark, ex=EXPIRY_SECONDS, get=True))

    def _primaries(self) -> Iterator[_Primary]:
        if not isinstance(self._client, redis.RedisCluster):
            yield _Primary("only", self._client.info("server")["run_id"], self._key(0))
            return
        cluster: Any = self._client  # the driver types this part of a cluster not
        for node in cluster.get_primaries():
            run_id = cluster.info("server", target_nodes=node)["run_id"]
            yield _Primary(node.name, run_id, self._key_on(cluster, node.name))

    def _key_on(self, cluster: Any, node_name: str) -> str:
        """Find a key whose slot this primary owns."""
        numbered = (self._key(number) for number in count())
        return next(key for key in numbered if cluster.get_node_from_key(key).name == node_name)

    def _key(self, number: int) -> str:
        return heartbeat_key(self._process, number)
