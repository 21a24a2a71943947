"""How often somebody may ask, who that is, and what becomes of it when nobody can count together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from cinematch.api.access import Access, open_to
from cinematch.api.application import create_app
from cinematch.api.guarded_route import GuardedRoute
from cinematch.api.rate_limits import PAUSE_SECONDS, Limit, RateLimits, SharedCounts, configured_limits
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings
from tests.tokens import bearer, secured, token


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Together:
    """What stands for Redis, and fails when told to."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.asked = 0
        self.is_away = False

    async def count(self, key: str, keep_seconds: int) -> int:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("redis", "it is away")
        self.counted[key] += 1
        return self.counted[key]


@pytest.fixture
def clock() -> Clock:
    """The clock of the limits; a minute begins."""
    return Clock(1_000_000 * 60.0)


def application(settings: Settings, clock: Clock | None = None) -> FastAPI:
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/word")
    @open_to(Access.PUBLIC)
    def word() -> str:
        return "hello"

    app = create_app(settings, [router])
    for middleware in app.user_middleware:
        kind: object = middleware.cls
        if kind is RateLimits:
            middleware.kwargs["clock"] = clock
    return app


def limited(folder: Path, user: int | None = 0, address: int | None = 0) -> Settings:
    changes = {"rate_limit_user_per_minute": user, "rate_limit_address_per_minute": address}
    return secured(Settings(), folder).model_copy(update=changes)


def asked(api: TestClient, user_id: str | None = None, path: str = "/word") -> int:
    headers = {} if user_id is None else bearer(token(user_id))
    answer: Response = api.get(path, headers=headers)
    return answer.status_code


def test_a_user_who_asks_too_often_waits_and_others_do_not(tmp_path: Path, clock: Clock) -> None:
    api = TestClient(application(limited(tmp_path, user=3), clock))
    assert [asked(api, "anna") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert asked(api, "bob") == 200
    assert asked(api) == 200
    clock.now += 60
    assert asked(api, "anna") == 200


def test_an_address_is_limited_whoever_asks_from_it(tmp_path: Path, clock: Clock) -> None:
    app = application(limited(tmp_path, address=3), clock)
    api = TestClient(app, client=("192.0.2.1", 1))
    assert [asked(api, user_id) for user_id in ("anna", "bob", None, "carla")] == [200, 200, 200, 429]
    assert asked(TestClient(app, client=("192.0.2.2", 1))) == 200


def test_one_owner_of_many_addresses_has_one_limit(tmp_path: Path, clock: Clock) -> None:
    app = application(limited(tmp_path, address=2), clock)
    answers = [asked(TestClient(app, client=(f"2001:db8::{number:x}", 1))) for number in range(3)]
    assert answers == [200, 200, 429]
    assert asked(TestClient(app, client=("2001:db8:0:1::1", 1))) == 200


def test_an_ipv4_address_in_the_clothes_of_ipv6_is_one_of_its_own(tmp_path: Path, clock: Clock) -> None:
    app = application(limited(tmp_path, address=1), clock)
    assert asked(TestClient(app, client=("::ffff:192.0.2.1", 1))) == 200
    assert asked(TestClient(app, client=("::ffff:192.0.2.2", 1))) == 200
    assert asked(TestClient(app, client=("192.0.2.1", 1))) == 429


def test_a_bad_token_does_not_hide_an_address(tmp_path: Path, clock: Clock) -> None:
    api = TestClient(application(limited(tmp_path, user=100, address=2), clock))
    tries = [api.get("/word", headers=bearer(f"guess-{number}")).status_code for number in range(3)]
    assert tries == [200, 200, 429]


def test_a_refusal_says_when_to_come_back(tmp_path: Path, clock: Clock) -> None:
    clock.now += 18
    api = TestClient(application(limited(tmp_path, user=1), clock))
    first, refused = (api.get("/word", headers=bearer(token("anna"))) for _ in range(2))
    assert first.headers["ratelimit-policy"] == '"user";q=1;w=60'
    assert first.headers["ratelimit"] == '"user";r=0;t=42'
    assert "retry-after" not in first.headers
    assert refused.headers["retry-after"] == "42"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:cinematch:problem:too-many-requests"
    assert {"ratelimit", "x-request-id", "content-security-policy"} <= set(refused.headers)


def test_probes_are_not_counted(tmp_path: Path, clock: Clock) -> None:
    api = TestClient(application(limited(tmp_path, address=1), clock))
    assert [asked(api, path="/health/live") for _ in range(5)] == [200] * 5


def test_paths_that_nobody_has_are_counted(tmp_path: Path, clock: Clock) -> None:
    api = TestClient(application(limited(tmp_path, address=1), clock))
    assert [asked(api, path="/nowhere") for _ in range(2)] == [404, 429]


def test_there_are_limits_where_strangers_may_come(tmp_path: Path) -> None:
    assert configured_limits(Settings()) is None
    assert configured_limits(limited(tmp_path)) is None
    assert configured_limits(secured(Settings(), tmp_path)) == (Limit("user", 600), Limit("address", 3_000))
    assert configured_limits(Settings(rate_limit_user_per_minute=5)) == (Limit("user", 5), Limit("address", 0))
    assert "ratelimit" not in TestClient(application(Settings())).get("/word").headers


async def test_each_process_counts_by_itself_while_redis_is_away() -> None:
    together, clock = Together(), Clock()
    counts = SharedCounts(clock)
    counts.connect(together)
    assert [await counts.count("k", 60) for _ in range(2)] == [1, 2]
    together.is_away = True
    assert [await counts.count("k", 60) for _ in range(3)] == [1, 2, 3]
    assert together.asked == 3  # it is left in peace for a while: each attempt would hold up a request
    together.is_away = False
    clock.now += PAUSE_SECONDS
    assert await counts.count("k", 60) == 3
