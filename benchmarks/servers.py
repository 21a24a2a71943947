"""Servers and layers of a measurement's own, in a temporary folder: only those that it needs, ended with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.population import load_catalog
from cinematch.adapters import mongodb_client
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.local_stack.credentials import new_credentials
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.layers import ApiProcess, LayerProcess, LayerSpec
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.minio_server import MinioPorts, MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import LOOPBACK, free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.local_stack.stack import LEAN_JVM
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Settings, load_settings


@dataclass
class Servers:
    """Running servers; `settings` lead to them."""

    folder: Path
    toolchain: Toolchain
    services: dict[str, Service] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @cached_property
    def settings(self) -> Settings:
        """What a layer that is given `environment` reads."""
        return self.settings_with({})

    def settings_with(self, own: dict[str, str]) -> Settings:
        """Give these settings and some more, by the names of environment variables."""
        values: dict[str, Any] = {name.lower(): value for name, value in (self.environment | own).items()}
        return Settings(**{name: value for name, value in values.items() if name in Settings.model_fields})

    def topics(self, *names: str) -> None:
        """Create topics."""
        ensure_topics(self.settings.kafka_bootstrap_servers, dict.fromkeys(names, self.settings.topic_partitions))

    def load_catalog(self) -> None:
        """Put collections, indexes and the invented films into MongoDB."""
        with mongodb_client.connect(self.settings) as client:
            load_catalog(client[self.settings.mongodb_database])

    @contextmanager
    def api(self, mode: str = "micro_batch") -> Iterator[str]:
        """Run the API (see `benchmarks.api`) in a STATS_MODE until the end of the block; give its address."""
        own = {"API_HOST": LOOPBACK, "API_PORT": str(free_port()), "STATS_MODE": mode}
        with self._running(ApiProcess, "benchmarks.api", own):
            yield f"http://{LOOPBACK}:{own['API_PORT']}"

    @contextmanager
    def layer(self, module: str, own: Mapping[str, str] | None = None, niceness: int = 0) -> Iterator[LayerProcess]:
        """Run `python -m module` with `own` settings until the end of the block; it is ready inside of it."""
        with self._running(LayerProcess, module, own or {}, niceness) as process:
            yield process

    @contextmanager
    def _running(
        self, kind: type[LayerProcess], module: str, own: Mapping[str, str], niceness: int = 0
    ) -> Iterator[LayerProcess]:
        folder = self.folder / f"layer-{next(self._numbers)}-{module}"
        folder.mkdir()
        usual = {"SPARK_DRIVER_JAVA_OPTIONS": LEAN_JVM, "CHECKPOINT_DIR": str(folder / "checkpoints")}
        environment = {**self.environment, **usual, **own}
        process = kind(
            LayerSpec(module, module, (module,), niceness=niceness), folder, LogFile(folder / "log"), environment
        )
        try:
            process.start()
            process.wait_ready()
            yield process
        finally:
            process.stop()


@contextmanager
def servers(*names: str) -> Iterator[Servers]:
    """Start servers by name (kafka, mongodb, redis, minio), all at once; the events topic is there."""
    with (
        tempfile.TemporaryDirectory(prefix="cinematch-bench-", ignore_cleanup_errors=True) as folder,
        ExitStack() as ends,
    ):
        running = Servers(Path(folder), Toolchain(load_settings().cinematch_cache_dir))
        for name in names:
            service = _service(name, running)
            running.services[name] = service
            ends.callback(service.stop)
            service.start()
        for service in running.services.values():
            service.wait_ready()
        running.environment = _environment(running)
        if "kafka" in names:
            settings = running.settings
            running.topics(settings.events_topic, settings.speed_deltas_topic, settings.dead_letter_topic)
        yield running


def _service(name: str, running: Servers) -> Service:
    folder, log = running.folder / name, LogFile(running.folder / f"{name}.log")
    tools = running.toolchain
    match name:
        case "kafka":
            return KafkaServer(tools, folder, log, free_port(), free_port())
        case "mongodb":
            return MongoServer(tools, folder, log, free_port())
        case "redis":
            return RedisServer(tools, folder, log, free_port())
        case "minio":
            return MinioServer(tools, folder, log, MinioPorts(free_port(), free_port()), new_credentials(), "data-lake")
    raise ValueError(f"there is no server {name!r}")


def _environment(running: Servers) -> dict[str, str]:
    environment = {
        "JAVA_HOME": str(running.toolchain.java_home),
        "METRICS_PORT": "0",
        "SPARK_JARS_DIR": str(running.toolchain.spark_jars()),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_UI_PORT": "0",
    }
    for service in running.services.values():
        match service:
            case KafkaServer():
                environment["KAFKA_BOOTSTRAP_SERVERS"] = service.address
            case MongoServer():
                environment["MONGODB_URL"] = service.url
            case RedisServer():
                environment["REDIS_URL"] = service.url
            case MinioServer():
                environment["S3_ENDPOINT_URL"] = service.url
                environment["S3_ACCESS_KEY_ID"] = service.credentials.access_key_id
                environment["S3_SECRET_ACCESS_KEY"] = service.credentials.secret_access_key
    return environment
