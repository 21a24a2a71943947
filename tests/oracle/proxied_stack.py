"""The stack that `cinematch supervise` runs, with a proxy of the test's between its servers and whoever calls them.

    python -m tests.oracle.proxied_stack supervise --data-dir DIR

The servers listen where CINEMATCH_TEST_PORTS says, and all that layers and commands are told is where the proxies do.
No layer steps back behind another one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final
from unittest.mock import patch

from cinematch.__main__ import main
from cinematch.local_stack import stack
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.layers import LayerProcess
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import LOOPBACK, choose_ports
from cinematch.local_stack.redis_server import RedisServer

PORTS_VARIABLE: Final = "CINEMATCH_TEST_PORTS"
"""JSON: server -> [where its proxy listens, where it listens itself]."""
SERVERS: Final = ("kafka", "mongodb", "redis", "minio")


def proxy_port(server: str) -> int:
    """Where the proxy of a server listens."""
    port: int = json.loads(os.environ[PORTS_VARIABLE])[server][0]
    return port


class ProxiedKafka(KafkaServer):
    """Tells its clients to come through the proxy."""

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{proxy_port(self.name)}"

    def prepare(self) -> None:
        super().prepare()
        advertised = f"advertised.listeners=PLAINTEXT://{LOOPBACK}:"
        text = self._properties.read_text()
        assert f"{advertised}{self._port}" in text
        self._properties.write_text(text.replace(f"{advertised}{self._port}", f"{advertised}{proxy_port(self.name)}"))


class ProxiedMongo(MongoServer):
    """A replica set tells its clients where its members are; these clients do not ask."""

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{proxy_port(self.name)}/?directConnection=true"


class ProxiedRedis(RedisServer):
    """Reached through the proxy."""

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{proxy_port(self.name)}/0"


class ProxiedMinio(MinioServer):
    """Reached through the proxy."""

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{proxy_port(self.name)}"


def chosen_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """The servers' ports as the test says; all others as usual."""
    given = {server: port for server, (_, port) in json.loads(os.environ[PORTS_VARIABLE]).items()}
    return choose_ports({name: port for name, port in wanted.items() if name not in given}) | given


if __name__ == "__main__":
    replaced: dict[str, Any] = {
        "KafkaServer": ProxiedKafka,
        "MongoServer": ProxiedMongo,
        "RedisServer": ProxiedRedis,
        "MinioServer": ProxiedMinio,
        "choose_ports": chosen_ports,
    }
    # On a busy machine whoever steps back may get nothing for minutes; what is checked here needs every view at work.
    with patch.multiple(stack, **replaced), patch.object(LayerProcess, "niceness", 0):
        sys.exit(main())
