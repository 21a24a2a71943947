"""A stage on a real MongoDB, and on Kafka where a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cinematch.adapters.mongodb_client import connect
from cinematch.settings import Settings
from tests.micro_batch_stage import Stage


@pytest.fixture
def stage(mongo_server: Any, settings: Settings) -> Iterator[Stage]:
    """The test's own database, with its schema and films."""
    with connect(settings) as client:
        yield Stage(settings, client)
