"""What all operator routes share: answers in parts, and actions that only our own pages may have a browser send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from cinematch.adapters.kafka_log_watch import LogLag
from cinematch.api.application import create_app
from cinematch.api.lookups import Seen
from cinematch.api.operator import ACTION, TAG, flow, operator_router, panel
from cinematch.api.routers import installed_routers
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


async def finds_early() -> Seen[str]:
    return Seen("early", EARLY)


async def finds_late() -> Seen[str]:
    return Seen("late", LATE)


async def misses_redis() -> Seen[str]:
    raise StoreUnavailable("redis", "gone")


async def has_a_defect() -> Seen[str]:
    raise RuntimeError("a defect")


async def test_a_panel_is_as_old_as_its_oldest_part() -> None:
    found = await panel({"a": ("mongodb", finds_late), "b": ("kafka", finds_early)})
    assert found == {"observed_at": EARLY, "stores": {"mongodb": "ok", "kafka": "ok"}, "a": "late", "b": "early"}


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
async def test_a_part_without_its_store_is_none_and_the_store_is_named(order: tuple[str, str]) -> None:
    looks: dict[str, Any] = {"a": ("redis", misses_redis), "b": ("redis", finds_early)}
    found = await panel({name: looks[name] for name in order})
    assert (found["a"], found["b"], found["stores"]) == (None, "early", {"redis": "failing"})


async def test_the_store_that_failed_is_named_and_not_the_one_that_was_expected() -> None:
    found = await panel({"a": ("kafka", misses_redis)})
    assert found["stores"] == {"redis": "failing"}


async def test_a_defect_is_not_taken_for_an_outage() -> None:
    with pytest.raises(RuntimeError):
        await panel({"a": ("kafka", has_a_defect)})


def test_an_unknown_lag_is_no_lag_of_zero() -> None:
    assert flow(None, None, 5.0).model_dump() == {
        "per_second": None,
        "lag_events": None,
        "lag_seconds": None,
        "usual_seconds": 5.0,
    }
    assert flow(LogLag(0, 0.0), 0.0, 5.0).lag_events == 0


@pytest.fixture
def api() -> TestClient:
    router = operator_router()

    @router.post("/act", dependencies=ACTION)
    def act() -> str:
        return "done"

    return TestClient(create_app(Settings(), [router]), base_url="http://films.test:8000")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://films.test:8000"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://films.test:8000"},
    ],
)
def test_our_own_page_and_programs_may_act(api: TestClient, headers: dict[str, str]) -> None:
    assert api.post("/operator/act", json={}, headers=headers).json() == "done"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "http://films.test:9000"},
        {"Origin": "http://films.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://films.test:8000"},
    ],
)
def test_another_sites_page_may_not_act(api: TestClient, headers: dict[str, str]) -> None:
    refused = api.post("/operator/act", json={}, headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_plain_form_can_send_is_no_action(api: TestClient, media_type: str) -> None:
    assert api.post("/operator/act", content=b"{}", headers={"Content-Type": media_type}).status_code == 415


def test_every_operator_route_can_be_guarded_by_one_dependency_and_every_post_of_them_is_guarded_already() -> None:
    app: FastAPI = create_app(Settings(), installed_routers().values())
    operations = {
        (path, method): operation
        for path, methods in app.openapi()["paths"].items()
        if "/operator/" in path
        for method, operation in methods.items()
    }
    assert len(operations) >= 9
    assert {tuple(operation["tags"]) for operation in operations.values()} == {(TAG,)}
    routes = [it for router in installed_routers().values() for it in router.routes if isinstance(it, APIRoute)]
    posts = [it for it in routes if "/operator/" in it.path and it.methods == {"POST"}]
    assert len(posts) >= 2
    assert all(it.dependencies == list(ACTION) for it in posts)
