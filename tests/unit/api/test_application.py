"""The composed application: health, request ids, what its documentation says."""

from __future__ import annotations

import asyncio
import re

import pytest
from fastapi import APIRouter, FastAPI
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
    content = document["paths"]["/films"]["get"]["responses"]["422"]["content"]
    assert list(content) == ["application/problem+json"]
    assert set(document["components"]["schemas"]["ValidationError"]["properties"]) == {"field", "message"}
