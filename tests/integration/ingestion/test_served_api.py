"""The API as a process: it starts, keeps to its own documentation whatever is sent, and ends when asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import SkipTest

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
)

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_trend_counts import TrendState
from cinematch.contracts.collections import GLOBAL_STATS
from cinematch.domain.trends import FilmCount
from cinematch.local_stack.layers import LAYERS, ApiProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from micro_batch.trends_document import Source, trends_document
from tests.documented_api import documented_operations
from tests.stored import all_stored

SPEC = next(spec for spec in LAYERS if spec.name == "api")
ENOUGH_REFUSALS = 300
TOO_LONG = 431
"""An address beyond what the server reads at all: it says so itself, without a problem."""
NOWHERE = "127.0.0.1:1"
"""Where Kafka and MinIO are not: what needs them says so, which is documented, too."""


@pytest.fixture
def served(database: SyncDatabase, redis_server: RedisServer, settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of `python -m cinematch api`."""
    port = free_port()
    environment = {
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
        "MIN_SEQUENCE_WAIT_SECONDS": "0.2",
        "MONGODB_DATABASE": settings.mongodb_database,
        "MONGODB_URL": settings.mongodb_url,
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT_URL": f"http://{NOWHERE}",
    }
    api = ApiProcess(SPEC, tmp_path, LogFile(tmp_path / "log"), environment)
    api.start()
    try:
        api.wait_ready()
        yield f"http://127.0.0.1:{port}"
        api.stop()
        assert "Application shutdown complete" in api.last_words()
    finally:
        api.kill()


def test_every_answer_is_one_that_the_documentation_promises(served: str, database: SyncDatabase) -> None:
    publish_trends(database)
    for operation in documented_operations(served):
        requests(operation.as_strategy())


def publish_trends(database: SyncDatabase) -> None:
    """Put what micro_batch would have published: without it the trends are rightly unavailable."""
    now = datetime(2026, 1, 20, tzinfo=UTC)
    state = TrendState(iter([FilmCount("heat", "Heat", 2, None)]), {"Crime": 2}, 2)
    document = trends_document(state, Source.BOOTSTRAP, now, now)
    database[GLOBAL_STATS].insert_one({"type": "global_trends", **document})


def test_what_the_documentation_does_not_allow_is_refused_and_changes_nothing(
    served: str, database: SyncDatabase
) -> None:
    publish_trends(database)
    with httpx.Client(base_url=served, trust_env=False, timeout=60) as client:
        client.post("/movies", json={"user_id": "u", "movie_id": "heat", "rating": 8}).raise_for_status()
    before, refused = all_stored(database), 0
    for operation in documented_operations(served):
        refused += refusals(operation.as_strategy(GenerationMode.NEGATIVE))
    assert refused >= ENOUGH_REFUSALS
    assert all_stored(database) == before


def refusals(cases: SearchStrategy[Any]) -> int:
    """Send some requests that break what the documentation says; count them, for each must be refused by a problem.

    Some come to something that is allowed after all, by the way in which they are written into an address: those that
    schemathesis itself does not expect to be refused may be answered, if they only read.
    """
    refused = 0

    @given(cases)
    @hypothesis_settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        nonlocal refused
        answer = case.call()
        if answer.status_code == TOO_LONG:
            refused += 1
            return
        case.validate_response(answer, checks=[negative_data_rejection, response_schema_conformance])
        if answer.status_code < 400:
            assert case.method == "GET", (case.method, case.path)
            return
        assert answer.status_code < 500, (answer.status_code, answer.text)
        assert answer.headers["content-type"] == ["application/problem+json"]
        refused += 1

    with suppress(Unsatisfiable, SkipTest):  # an operation without an input cannot be asked wrongly
        send()
    return refused


def requests(cases: SearchStrategy[Any]) -> None:
    """Send some requests that the documentation allows, and check each answer against it."""

    @given(cases)
    @hypothesis_settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        # Some rules (no control characters, one decimal) are more than the documentation's schemas say.
        # That a server is away, or min_sequence not reached in time, is a promised answer with a status above 499.
        answer = case.call_and_validate(excluded_checks=[positive_data_acceptance, not_a_server_error])
        promised = {503, 504} if "/operator/" in answer.request.url else {504}
        assert answer.status_code < 500 or answer.status_code in promised

    send()


def test_a_film_is_added_through_the_served_api(served: str) -> None:
    with httpx.Client(base_url=served, trust_env=False, timeout=60) as client:
        answer = client.post("/movies", json={"user_id": "u", "movie_id": "heat", "rating": 8})
        assert answer.status_code == 200
        assert answer.json()["sequence"] == 1
        assert client.get("/docs").status_code == 200
        assert "server" not in answer.headers
