"""A stage on real MongoDB and Redis, and on Kafka where a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cinematch.adapters import mongodb_client, redis_client
from cinematch.settings import Settings
from tests.speed_stage import SpeedStage


@pytest.fixture
def stage(mongo_server: Any, redis_server: Any, settings: Settings) -> Iterator[SpeedStage]:
    """The test's own database with its schema and films, and a Redis."""
    redis = redis_client.connect(settings)
    with mongodb_client.connect(settings) as client:
        yield SpeedStage(settings, client, redis)
    redis.close()
