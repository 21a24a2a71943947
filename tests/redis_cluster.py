"""A Redis Cluster of masters on loopback, for tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK, free_port, is_free
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.toolchain import Toolchain

SLOTS = 16_384
BUS_OFFSET = 10_000  # a node talks to the others on its port plus this
READY_SECONDS = 120


@contextmanager
def running_cluster(toolchain: Toolchain, folder: Path, masters: int = 3) -> Iterator[list[RedisServer]]:
    """Give the masters of a cluster that serves all slots."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "60000")
    nodes: list[RedisServer] = []
    try:
        for number in range(masters):
            home = folder / f"node{number}"
            nodes.append(RedisServer(toolchain, home, LogFile(home / "log"), _port(), options))
            nodes[-1].start()
            nodes[-1].wait_ready()
        _join(nodes)
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def _port() -> int:
    while (port := free_port()) + BUS_OFFSET > 65_535 or not is_free(port + BUS_OFFSET):
        pass
    return port


def _join(nodes: list[RedisServer]) -> None:
    clients: list[Any] = [redis.Redis.from_url(node.url) for node in nodes]  # the driver types these commands not
    for number, client in enumerate(clients):
        first, last = SLOTS * number // len(nodes), SLOTS * (number + 1) // len(nodes) - 1
        client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        client.execute_command("CLUSTER ADDSLOTS", *range(first, last + 1))
        client.execute_command("CLUSTER MEET", LOOPBACK, nodes[0].port)
    deadline = time.monotonic() + READY_SECONDS
    while not all(_serves(client, len(nodes)) for client in clients):
        if time.monotonic() > deadline:
            raise TimeoutError("the cluster does not form")
        time.sleep(0.1)
    for client in clients:
        client.close()


def _serves(client: Any, masters: int) -> bool:
    info = client.execute_command("CLUSTER INFO")
    text = info if isinstance(info, dict) else dict(line.split(":") for line in info.decode().split())
    return text["cluster_state"] == "ok" and int(text["cluster_known_nodes"]) == masters
