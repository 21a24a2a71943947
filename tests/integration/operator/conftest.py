"""The operators' endpoints of all layers on real servers, each of which a test may take away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from batch_layer.operator_routes import router as batch
from cinematch.adapters import kafka_log_watch
from cinematch.adapters.mongodb_client import SyncClient, connect
from cinematch.api.application import create_app
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings, StatsMode
from data_lake.operator_routes import router as lake
from ingestion.operator_routes import router as ingestion
from micro_batch.operator_routes import router as micro_batch
from serving_layer.operator_routes import router as serving
from speed_layer.operator_routes import router as speed
from tests.lake_stage import SinkProcess, StartSink

NOWHERE: dict[str, dict[str, Any]] = {
    "mongodb": {"mongodb_url": "mongodb://127.0.0.1:1", "mongodb_timeout_seconds": 0.3},
    "redis": {"redis_url": "redis://127.0.0.1:1/0"},
    "kafka": {"kafka_bootstrap_servers": "127.0.0.1:1"},
    "s3": {"s3_endpoint_url": "http://127.0.0.1:1"},
}
"""Settings that lead to a server that is away."""

PATIENT_MS, HASTY_MS = 30_000, 3_000
"""How long Kafka is waited for: where it answers, and where it is away."""

Api = Callable[..., TestClient]


@pytest.fixture
def all_settings(
    kafka_server: KafkaServer,
    mongo_server: MongoServer,
    minio_server: MinioServer,
    redis_server: RedisServer,
    settings: Settings,
) -> Settings:
    """Settings that lead to all four servers."""
    return settings


@pytest.fixture
def client(all_settings: Settings) -> Iterator[SyncClient]:
    """A client of the test's MongoDB."""
    with connect(all_settings) as client:
        yield client


@pytest.fixture
def api(all_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Give clients of the application, in a mode that needs all but micro_batch; nothing is kept.

    `away` names the servers that it does not find.
    """
    for module in ("ingestion", "micro_batch", "speed_layer", "batch_layer", "data_lake", "serving_layer"):
        monkeypatch.setattr(f"{module}.operator_routes.KEEP_SECONDS", 0.0)
    monkeypatch.setattr("data_lake.operator_routes.LETTERS_KEEP_SECONDS", 0.0)
    monkeypatch.setattr(kafka_log_watch, "RECORDS_SECONDS", 30.0)
    monkeypatch.setattr(kafka_log_watch, "TIMEOUT_MS", PATIENT_MS)
    with ExitStack() as applications:

        def start(*away: str, **changes: object) -> TestClient:
            monkeypatch.setattr(kafka_log_watch, "TIMEOUT_MS", HASTY_MS if "kafka" in away else PATIENT_MS)
            update: dict[str, Any] = {"stats_mode": StatsMode.LAMBDA} | changes
            for server in away:
                update.update(NOWHERE[server])
            routers = [ingestion, micro_batch, speed, lake, batch, serving]
            app = create_app(all_settings.model_copy(update=update), routers)
            return applications.enter_context(TestClient(app))

        yield start


@pytest.fixture
def start_sink(all_settings: Settings, tmp_path: Path) -> Iterator[StartSink]:
    """Start sink processes; whatever still runs at the end is killed."""
    started: list[SinkProcess] = []

    def start(*arguments: str, **changes: object) -> SinkProcess:
        started.append(SinkProcess(all_settings, tmp_path, *arguments, **changes))
        return started[-1]

    yield start
    for sink in started:
        sink.process.kill()
        sink.process.wait()
