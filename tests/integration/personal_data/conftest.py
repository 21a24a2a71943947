"""A user whose data is in every store, on real servers; the Spark layers are stood in for by what they call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.erasure_stage import ErasureStage


@pytest.fixture
def stage(
    kafka_server: KafkaServer,
    mongo_server: MongoServer,
    redis_server: RedisServer,
    minio_server: MinioServer,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[ErasureStage]:
    """The stage, with a relay and a lake sink at work."""
    with ErasureStage(settings, tmp_path) as stage:
        yield stage
