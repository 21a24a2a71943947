"""Every bad input is refused with problem+json that names the field, before anything is done."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from fastapi.testclient import TestClient

from cinematch.api.application import create_app
from cinematch.errors import EntryNotFound, FilmNotFound, StoreUnavailable
from cinematch.settings import Settings
from ingestion.dependencies import ingestion_service
from ingestion.routes import router

VALID = {"user_id": "u", "movie_id": "heat"}


class Service:
    """Raises what it is told to; that it is asked at all is a defect where an input is bad."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def add(self, *_: object) -> NoReturn:
        raise self._error


def client(error: Exception) -> TestClient:
    app = create_app(Settings(), [router])
    app.dependency_overrides[ingestion_service] = lambda: Service(error)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def api() -> TestClient:
    return client(AssertionError("a bad input came through"))


def assert_problem(response: Any, status: int, field: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:cinematch:problem:")
    assert problem["title"]
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"user_id": 7}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"user_id": {"$gt": ""}}, "user_id"),
        ({"user_id": ["u"]}, "user_id"),
        ({"user_id": "a\x00b"}, "user_id"),
        ({"user_id": "a\nb"}, "user_id"),
        ({"movie_id": {"$ne": None}}, "movie_id"),
        ({"movie_id": True}, "movie_id"),
        ({"rating": "7"}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": 0}, "rating"),
        ({"rating": 0.4}, "rating"),
        ({"rating": 10.1}, "rating"),
        ({"rating": 7.55}, "rating"),
        ({"rating": [7]}, "rating"),
        ({"watched_at": "yesterday"}, "watched_at"),
        ({"watched_at": "2026-01-19"}, "watched_at"),
        ({"watched_at": "2026-01-19T20:30:00"}, "watched_at"),
        ({"watched_at": 1_700_000_000}, "watched_at"),
        ({"watched_at": "1700000000"}, "watched_at"),
        ({"watched_at": "0001-01-01T00:00:00+05:00"}, "watched_at"),
        ({"title": 7}, "title"),
        ({"title": "x" * 1001}, "title"),
        ({"raiting": 7}, "raiting"),
        ({"$set": {"rating": 7}}, "$set"),
    ],
)
def test_a_bad_field_is_named(api: TestClient, fields: dict[str, Any], field: str) -> None:
    assert_problem(api.post("/movies", json=VALID | fields), 422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 50_000, "body"),
        (b'{"user_id": "u", "movie_id": "heat", "rating": NaN}', "rating"),
        (b'{"user_id": "u", "movie_id": "heat", "rating": Infinity}', "rating"),
        (b'{"user_id": "u", "movie_id": "heat", "rating": 1e999}', "rating"),
        (b'{"user_id": "u", "movie_id": "heat", "rating": ' + b"9" * 400 + b"}", "rating"),
        (b'{"user_id": "u", "movie_id": "heat", "rating": ' + b"9" * 5_000 + b"}", "body"),
        (b'{"user_id": "\\ud800", "movie_id": "heat"}', "user_id"),
        (b'{"movie_id": "heat"}', "user_id"),
    ],
)
def test_a_bad_body_is_refused(api: TestClient, body: bytes, field: str) -> None:
    assert_problem(api.post("/movies", content=body, headers={"content-type": "application/json"}), 422, field)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/movies", "user_id"),
        ("/movies?user_id=", "user_id"),
        ("/movies?user_id=u%00", "user_id"),
        ("/movies?user_id=u&limit=0", "limit"),
        ("/movies?user_id=u&limit=501", "limit"),
        ("/movies?user_id=u&limit=ten", "limit"),
        ("/movies?user_id=u&cursor=%24%24", "cursor"),
        ("/movies?user_id=u&cursor=aGVhdA", "cursor"),
        ("/movies?user_id=u&cursor=", "cursor"),
        ("/movies?user_id=u&cursor=%C3%A8", "cursor"),
        ("/catalog", "q"),
        ("/catalog?q=", "q"),
        ("/catalog?q=a%0Ab", "q"),
        ("/catalog?q=heat&limit=51", "limit"),
    ],
)
def test_a_bad_parameter_is_named(api: TestClient, path: str, field: str) -> None:
    assert_problem(api.get(path), 422, field)


def test_a_body_above_the_limit_is_refused_declared_or_not(api: TestClient) -> None:
    headers = {"content-type": "application/json"}
    assert_problem(api.post("/movies", content=b" " * 65_537, headers=headers), 413)
    chunks = (b" " * 10_000 for _ in range(10))
    assert_problem(api.post("/movies", content=chunks, headers=headers), 413)


def test_what_is_not_there_and_what_is_not_allowed_are_problems_too(api: TestClient) -> None:
    assert_problem(api.get("/nothing"), 404)
    refused = api.put("/movies", json=VALID)
    assert_problem(refused, 405)
    assert set(refused.headers["allow"].split(", ")) & {"GET", "POST"}
    assert_problem(api.delete("/movies/heat"), 422, "user_id")


@pytest.mark.parametrize(
    ("error", "status", "field"),
    [
        (FilmNotFound("no such film"), 404, "movie_id"),
        (EntryNotFound("not in the list"), 404, "movie_id"),
        (StoreUnavailable("mongodb", "secret-host:27017 refused"), 503, None),
        (RuntimeError("secret-host:27017 refused"), 500, None),
    ],
)
def test_what_goes_wrong_inside_is_a_problem_without_our_secrets(
    error: Exception, status: int, field: str | None
) -> None:
    response = client(error).post("/movies", json=VALID, headers={"X-Request-ID": "mine"})
    assert_problem(response, status, field)
    assert "secret" not in response.text
    assert response.headers["x-request-id"] == "mine"
    assert ("retry-after" in response.headers) == (status == 503)
