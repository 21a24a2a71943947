"""The API's process with AUTH=jwt: it serves whom it knows, and every answer is one that the documentation promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.client import http_client
from cinematch.client.errors import NotAllowed
from cinematch.domain.watchlist import Film
from cinematch.local_stack.layers import LAYERS, ApiProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.documented_api import documented_operations
from tests.tokens import bearer, public_pem, token

SPEC = next(spec for spec in LAYERS if spec.name == "api")
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def metrics_port() -> int:
    """Where the process tells its metrics to whoever asks."""
    return free_port()


@pytest.fixture
def served(
    mongo_server: MongoServer, redis_server: RedisServer, settings: Settings, tmp_path: Path, metrics_port: int
) -> Iterator[str]:
    """The address of `python -m cinematch api`, without limits."""
    with connect(settings) as client:
        database = client[settings.mongodb_database]
        ensure_schema(database)
        CatalogWriter(database).add_missing([Film("heat", "Heat")])
    (tmp_path / "key.pem").write_bytes(public_pem())
    port = free_port()
    environment = {
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "AUTH": "jwt",
        "JWT_KEY_FILE": str(tmp_path / "key.pem"),
        "KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
        "METRICS_HOST": "127.0.0.1",
        "METRICS_PORT": str(metrics_port),
        "MONGODB_DATABASE": settings.mongodb_database,
        "MONGODB_URL": settings.mongodb_url,
        "RATE_LIMIT_ADDRESS_PER_MINUTE": "0",
        "RATE_LIMIT_USER_PER_MINUTE": "0",
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT_URL": f"http://{NOWHERE}",
    }
    api = ApiProcess(SPEC, tmp_path, LogFile(tmp_path / "log"), environment)
    api.start()
    try:
        api.wait_ready()
        yield f"http://127.0.0.1:{port}"
    finally:
        api.kill()


def test_the_client_is_known_by_its_token_and_nobody_else_is(served: str) -> None:
    with http_client.connect(served, token=token("anna")) as anna:
        assert anna.add("anna", "heat", rating=8).sequence == 1
        assert [film.movie_id for film in anna.movies("anna")] == ["heat"]
        with pytest.raises(NotAllowed):
            anna.add("bob", "heat")
    with http_client.connect(served, token=token("olga", scope="operator")) as operator:
        assert [user.user_id for user in operator.users()] == ["anna"]
        with pytest.raises(NotAllowed):
            operator.remove("anna", "heat")
    with http_client.connect(served, token="") as stranger, pytest.raises(NotAllowed):
        list(stranger.movies("anna"))
    answer = httpx.get(f"{served}/metrics", headers=bearer(token("prometheus", scope="metrics")), trust_env=False)
    assert "cinematch_problems" in answer.text


def test_prometheus_needs_no_token_where_only_metrics_are_told(served: str, metrics_port: int) -> None:
    """The API's own page wants one: it is where everybody's requests come."""
    assert httpx.get(f"{served}/metrics", trust_env=False).status_code == 401
    page = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics", trust_env=False).text
    assert 'http_requests_total{handler="/health/ready",method="GET",status="2xx"}' in page
    assert "process_resident_memory_bytes" in page


def test_every_answer_is_one_that_the_documentation_promises(served: str) -> None:
    """Schemathesis also leaves the token out, and sends another one, and wants 401 then.

    What operators get is tested where nobody is asked: their panels wait for the servers that are not here.
    """
    for operation in documented_operations(served):
        requests(operation.as_strategy(), bearer(token("anna")))


def requests(cases: SearchStrategy[Any], headers: Mapping[str, str]) -> None:
    """Send some requests that the documentation allows, and check each answer against it."""

    @given(cases)
    @hypothesis_settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        answer = case.call_and_validate(
            headers=dict(headers), excluded_checks=[positive_data_acceptance, not_a_server_error]
        )
        assert answer.status_code in {503, 504} or answer.status_code < 500

    send()
