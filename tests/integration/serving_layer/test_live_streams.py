"""The live streams of a served API: they end with the process, and do not hold it up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from cinematch.local_stack.layers import LAYERS, ApiProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.environments import environment_of

pytestmark = pytest.mark.integration


@pytest.fixture
def api(
    database: Database[dict[str, Any]], redis_server: RedisServer, settings: Settings, tmp_path: Path
) -> Iterator[ApiProcess]:
    """`python -m cinematch api`, with trends to watch."""
    trends = {"type": "global_trends", "top_movies": [], "updated_at": "2026-01-20T09:15:00+00:00"}
    database.global_stats.insert_one(trends)
    spec = next(spec for spec in LAYERS if spec.name == "api")
    process = ApiProcess(spec, tmp_path, LogFile(tmp_path / "log"), environment_of(settings, api_port=free_port()))
    process.start()
    try:
        process.wait_ready()
        yield process
    finally:
        process.kill()


@pytest.fixture
def database(settings: Settings, mongo_server: MongoServer) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](settings.mongodb_url) as client:
        yield client[settings.mongodb_database]


def test_an_open_stream_does_not_hold_the_server_up_when_it_ends(api: ApiProcess) -> None:
    environment = api.environment()
    url = f"http://{environment['API_HOST']}:{environment['API_PORT']}/dashboard/trends/stream"
    with httpx.stream("GET", url, timeout=30, trust_env=False) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: trends"
        api.stop()
        assert list(lines)[-1] == ""  # the stream is cut between two events, not within one
    assert "Application shutdown complete" in api.last_words()
    log = (api.folder / "log").read_text()
    assert "timeout graceful shutdown exceeded" not in log  # what uvicorn says of a request that holds it up
    assert "CancelledError" not in log
