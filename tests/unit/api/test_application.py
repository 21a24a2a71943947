"""The composed application: health, request ids, what its documentation says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient

from cinematch.api.application import create_app
from cinematch.settings import Settings

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def works() -> None:
    """A dependency that answers."""


async def fails() -> None:
    """A dependency that does not."""
    raise ConnectionError("secret-host refused")


async def is_silent() -> None:
    """A dependency that neither answers nor fails."""
    await asyncio.Event().wait()


@pytest.fixture
def app() -> FastAPI:
    return create_app(Settings(), [])


def test_alive_needs_no_dependency(app: FastAPI) -> None:
    app.state.health.register("mongodb", fails)
    assert TestClient(app).get("/health/live").json() == {"status": "alive"}


def test_ready_names_every_dependency_when_all_answer(app: FastAPI) -> None:
    app.state.health.register("mongodb", works)
    app.state.health.register("redis", works, required=False)
    response = TestClient(app).get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "dependencies": {"mongodb": "ok", "redis": "ok"}}


def test_a_failing_dependency_is_named_and_its_error_is_not(app: FastAPI) -> None:
    app.state.health.register("mongodb", fails)
    app.state.health.register("kafka", fails)
    app.state.health.register("redis", works)
    response = TestClient(app).get("/health/ready")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["failing"] == ["mongodb", "kafka"]
    assert response.json()["dependencies"] == {"mongodb": "failing", "kafka": "failing", "redis": "ok"}
    assert "secret" not in response.text


def test_one_that_can_be_done_without_degrades_only(app: FastAPI) -> None:
    app.state.health.register("mongodb", works)
    app.state.health.register("redis", fails, required=False)
    response = TestClient(app).get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "dependencies": {"mongodb": "ok", "redis": "failing"}}


def test_a_silent_dependency_fails_in_time(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cinematch.api.health.CHECK_TIMEOUT_SECONDS", 0.01)
    app.state.health.register("mongodb", is_silent)
    assert TestClient(app).get("/health/ready").status_code == 503


@pytest.mark.parametrize("own", ["abc-1", "A.b_c"])
def test_a_harmless_request_id_is_kept(app: FastAPI, own: str) -> None:
    assert TestClient(app).get("/health/live", headers={"X-Request-ID": own}).headers["x-request-id"] == own


@pytest.mark.parametrize("own", [None, "", "a b", "x" * 129, "\t", "<script>"])
def test_any_other_request_id_is_replaced(app: FastAPI, own: str | None) -> None:
    headers = {} if own is None else {"X-Request-ID": own}
    assert UUID7.fullmatch(TestClient(app).get("/health/live", headers=headers).headers["x-request-id"])


def test_the_documentation_shows_our_problems() -> None:
    router = APIRouter()

    @router.get("/films")
    def films(limit: int) -> int:
        return limit

    document = TestClient(create_app(Settings(), [router])).get("/openapi.json").json()
    content = document["paths"]["/v1/films"]["get"]["responses"]["422"]["content"]
    assert list(content) == ["application/problem+json"]
    assert set(document["components"]["schemas"]["ValidationError"]["properties"]) == {"field", "message"}


def test_a_route_answers_under_its_version_and_its_plain_path_and_starts_once() -> None:
    starts: list[FastAPI] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        starts.append(app)
        yield {"word": "hello"}

    nested = APIRouter()

    @nested.get("/deep")
    def deep(request: Request) -> str:
        return str(request.state.word)

    router = APIRouter(lifespan=lifespan)
    router.include_router(nested)
    with TestClient(create_app(Settings(), [router])) as client:
        assert [client.get(path).json() for path in ("/deep", "/v1/deep")] == ["hello", "hello"]
        assert client.get("/v2/deep").status_code == 404
        assert [client.put(path).status_code for path in ("/deep", "/v1/deep")] == [405, 405]
        assert "/deep" not in client.get("/openapi.json").json()["paths"]
    assert len(starts) == 1


def test_a_page_has_no_version() -> None:
    pages = APIRouter(include_in_schema=False)

    @pages.get("/")
    def home() -> str:
        return "a page"

    client = TestClient(create_app(Settings(), [pages]))
    assert client.get("/").json() == "a page"
    assert client.get("/v1/").status_code == 404


def test_every_operation_of_every_layer_has_a_readable_name_of_its_own() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert {"add_movie", "remove_movie", "list_movies", "search_catalog", "get_stats"} <= set(names)
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert [path for path in paths if not path.startswith(("/v1/", "/health/"))] == []
