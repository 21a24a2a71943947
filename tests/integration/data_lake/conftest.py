"""A stage of a test's own, and sinks that do not outlive it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from tests.lake_stage import SinkProcess, Stage, StartSink


@pytest.fixture
def stage(kafka_server: KafkaServer, minio_server: MinioServer, settings: Settings) -> Stage:
    """A stage on the real servers."""
    return Stage(settings)


@pytest.fixture
def start_sink(stage: Stage, tmp_path: Path) -> Iterator[StartSink]:
    """Start sink processes; whatever still runs at the end is killed."""
    started: list[SinkProcess] = []

    def start(*arguments: str, **changes: object) -> SinkProcess:
        started.append(SinkProcess(stage.settings, tmp_path, *arguments, **changes))
        return started[-1]

    yield start
    for sink in started:
        sink.process.kill()
        sink.process.wait()
