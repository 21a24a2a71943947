"""`/metrics` of the API: every request and every problem by its route, and nothing that a stranger could make grow."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from prometheus_fastapi_instrumentator import middleware, routing
from starlette.requests import HTTPConnection

from cinematch.api.application import create_app
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings

router = APIRouter()


@router.get("/films/{film}")
async def a_film(film: int) -> int:
    """A route with a path that varies."""
    if film < 0:
        raise StoreUnavailable("mongodb", "silent")
    return film


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_app(Settings(), [router]))


def figure(client: TestClient, name: str, **labels: str) -> float:
    """One sample of the page; 0 when it is not there."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = (each for family in text_string_to_metric_families(answer.text) for each in family.samples)
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def test_requests_are_counted_and_timed_by_route(client: TestClient) -> None:
    for film in (1, 2, 3):
        assert client.get(f"/films/{film}").status_code == 200
    labels = {"handler": "/films/{film}", "method": "GET", "status": "2xx"}
    assert figure(client, "http_requests_total", **labels) == 3
    assert figure(client, "http_request_duration_seconds_count", **labels) == 3


def test_a_path_without_a_route_makes_no_series_of_its_own(client: TestClient) -> None:
    for path in ("/a", "/b", "/c"):
        client.get(path)
    assert figure(client, "http_requests_total", handler="none", status="4xx") == 3
    assert "/b" not in client.get("/metrics").text


def test_a_route_whose_path_does_not_vary_is_looked_up_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def route_name(request: HTTPConnection, **options: bool) -> str | None:
        asked.append(request.scope["path"])
        return routing.get_route_name(request, **options)

    monkeypatch.setattr(middleware, "routing", SimpleNamespace(get_route_name=route_name))
    for path in ("/health/live", "/films/1", "/health/live", "/films/1", "/health/live"):
        client.get(path)
    client.post("/health/live")
    assert asked == ["/health/live", "/films/1", "/films/1", "/health/live"]
    assert figure(client, "http_requests_total", handler="/health/live", method="GET", status="2xx") == 3
    assert figure(client, "http_requests_total", handler="/health/live", method="POST", status="4xx") == 1


def test_the_page_does_not_count_itself(client: TestClient) -> None:
    client.get("/metrics")
    assert figure(client, "http_requests_total", handler="/metrics") == 0


@pytest.mark.parametrize(
    ("path", "route", "reason"),
    [
        ("/films/x", "/films/{film}", "invalid-request"),
        ("/films/-1", "/films/{film}", "unavailable"),
        ("/nowhere", "none", "not-found"),
    ],
)
def test_each_problem_is_counted_by_its_reason(client: TestClient, path: str, route: str, reason: str) -> None:
    labels = {"method": "GET", "route": route, "reason": reason}
    before = figure(client, "cinematch_problems_total", **labels)
    assert client.get(path).status_code >= 400
    assert figure(client, "cinematch_problems_total", **labels) == before + 1


def test_the_process_tells_of_itself(client: TestClient) -> None:
    assert figure(client, "process_resident_memory_bytes") > 1_000_000


def test_two_applications_of_one_process_have_figures_of_their_own(client: TestClient) -> None:
    client.get("/films/1")
    other = TestClient(create_app(Settings(), [router]))
    assert figure(other, "http_requests_total", handler="/films/{film}") == 0
