"""Users of Redis: access control lists, kept in the server's own file of them (`aclfile`)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import redis

from cinematch.adapters.redis_client import RedisClient, translated_errors
from cinematch.contracts.privileges import RedisGrants

OF_A_CLUSTER: Final = ("cluster|slots", "command", "asking", "readonly")
"""What a client needs to find its way in a cluster."""


class RedisUsers:
    """The users of one node, or of every node of a cluster, seen by an administrator. Raises StoreUnavailable."""

    def __init__(self, client: RedisClient) -> None:
        self._client: Any = client  # the driver types the commands of a cluster not
        is_cluster = isinstance(client, redis.RedisCluster)
        self._everywhere: dict[str, Any] = {"target_nodes": redis.RedisCluster.ALL_NODES} if is_cluster else {}
        self._commands = OF_A_CLUSTER if is_cluster else ()

    def put(self, name: str, grants: RedisGrants, password: str) -> None:
        """Make a user, or bring it up to date, password included; nobody is without it meanwhile."""
        rules = ["reset", "on", f"#{sha256(password.encode()).hexdigest()}"]
        rules += [f"~{pattern}" for pattern in sorted(grants.keys)]
        rules += [f"+{command}" for command in sorted({*grants.commands, *self._commands})]
        with translated_errors():
            self._client.execute_command("ACL SETUSER", name, *rules, **self._everywhere)

    def save(self) -> None:
        """Write all users to the server's file, so that they are there after its next start."""
        with translated_errors():
            self._client.execute_command("ACL SAVE", **self._everywhere)
