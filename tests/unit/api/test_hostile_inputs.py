"""Hand-chosen hostile inputs of every operation of the lists and statistics: a 4xx that names the field, nothing done.

The services behind the routes are replaced by one that fails when it is touched, so a request that came through to
where state is read or changed would be answered by 500.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import pytest
from fastapi.testclient import TestClient

from cinematch.api.application import create_app
from cinematch.settings import Settings
from ingestion import poster_routes
from ingestion import routes as ingestion_routes
from ingestion.dependencies import ingestion_service
from serving_layer import routes as serving_routes

JSON: Final = {"content-type": "application/json"}
GOOD: Final = {"user_id": "u", "movie_id": "heat"}

NO_STRING: Final = [
    *(None, True, False, 0, 7, -1, 1.5, 10**30, [], ["u"], [["u"]], {}),
    *({"$gt": ""}, {"$ne": None}, {"$where": "sleep(1000)"}, {"$regex": ".*"}, {"$in": ["u"]}, {"$oid": "0" * 24}),
]
NO_IDENTIFIER: Final = [
    *("", "x" * 129, "è" * 129, "x" * 60_000, "a\x00b", "\x00", "a\nb", "a\rb", "a\tb", "\x1b[31m", "a\x7f", "\b"),
    *("\ud800", "a\udfff", "\ud800\ud800", "u\r\nSet-Cookie: a=b", "$\x00", "u\x0b"),
]
NO_RATING: Final = [
    *("7", "", "NaN", True, False, [], [7], {}, {"$gt": 0}, {"$inc": 1}, 0, -0.0, -1, 0.4, 0.49999, 10.01, 10.1, 11),
    *(7.55, 7.001, 0.51, 1e308, -1e308, 1e-300, 10**30, -(10**30)),
]
NO_MOMENT: Final = [
    *("", "now", "yesterday", "2026-01-19", "2026-01-19T20:30:00", "1700000000", 1_700_000_000, 1.5, True, [], {}),
    *("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-19T25:00:00Z", "0001-01-01T00:00:00+05:00"),
    *("9999-12-31T23:59:59-05:00", "1799-01-01T00:00:00Z", "2300-01-01T00:00:00Z", "2026-01-19T20:30:00+99:00"),
    *({"$date": 0}, "２０２６-01-19T20:30:00Z", "2026-01-19T20:30:00Z\x00", "P1D"),
]
NO_TITLE: Final = [*NO_STRING[1:], "x" * 1_001, "a\x00b", "a\nb", "\ud800"]
NO_NAME_OF_A_FIELD: Final = [
    "$set",
    "$where",
    "rating.$inc",
    "raiting",
    "__proto__",
    "constructor",
    "_id",
    " user_id",
]

TOO_LONG: Final = "x" * 129
QUERIES: Final = [
    *(("GET", "/movies?user_id=" + value, "user_id") for value in ("", "%00", "a%0Ab", "%ff", "%ed%a0%80", TOO_LONG)),
    *(("GET", "/stats?user_id=" + value, "user_id") for value in ("", "%00", "a%0Ab", "%ff", "%ed%a0%80", TOO_LONG)),
    *(("DELETE", "/movies/heat?user_id=" + value, "user_id") for value in ("", "%00", "a%7f", "%c0%af", TOO_LONG)),
    *(("DELETE", f"/movies/{value}?user_id=u", "movie_id") for value in ("%00", "a%0Db", "%ff", "%c0%af", TOO_LONG)),
    *(("GET", f"/posters/{value}.svg", "movie_id") for value in ("%00", "a%0Db", "%ff", TOO_LONG)),
    *(("GET", path, "user_id") for path in ("/movies", "/stats", "/movies?user_id[$gt]=", "/stats?user_id%5B%5D=u")),
    *(("GET", f"{path}?user_id=u&user_id=v", "user_id") for path in ("/movies", "/stats", "/v1/movies", "/v1/stats")),
    ("DELETE", "/movies/heat", "user_id"),
    ("DELETE", "/movies/heat?user_id=u&user_id=v", "user_id"),
    *(
        ("GET", f"/movies?user_id=u&limit={value}", "limit")
        for value in ("", "0", "-0", "-1", "501", "1e2", "1.5", "ten", "NaN", "Infinity", "9" * 5_000, "%00", "0x10")
    ),
    *(
        ("GET", f"/movies?user_id=u&cursor={value}", "cursor")
        for value in ("", "%24%24", "aGVhdA", "aGVhdA===", "_w==", "%C3%A8", "..%2F..%2Fetc", "x" * 20_000, "AA==")
    ),
    *(
        ("GET", f"/stats?user_id=u&min_sequence={value}", "min_sequence")
        for value in ("", "0", "-0", "-1", "two", "NaN", "1e3", "1.5", str(2**53), "9" * 5_000, "true", "{}")
    ),
    *(("GET", f"/catalog?q={value}", "q") for value in ("", "%00", "a%0Ab", "%ff", "%ed%a0%80", "x" * 1_001)),
    *(("GET", f"/catalog?q=heat&limit={value}", "limit") for value in ("0", "51", "-1", "NaN", "")),
    *(("GET", f"/catalog?q=heat&cursor={value}", "cursor") for value in ("", "aGVhdA==", "$", "AA==", "AAA=")),
    ("GET", "/catalog", "q"),
    ("GET", "/catalog?q=a&q=b", "q"),
]
BODIES: Final = [
    *((body, "body") for body in (b"", b" ", b"{", b"[]", b"null", b"7", b'"u"', b"true", b"\x00", b"\xff\xfe", b"}{")),
    *((body, "body") for body in (b"[" * 60_000, b'{"user_id":' * 5_000, b"\xef\xbb\xbf{}", b"NaN", b"-", b"{'a': 1}")),
    *((body, "body") for body in (json.dumps(GOOD).encode("utf-16"), json.dumps(GOOD).encode() + b"x", b"user_id=u")),
    (b'{"user_id": "u", "user_id": "v", "movie_id": "heat"}', "user_id"),
    (b'{"user_id": "u", "movie_id": "heat", "movie_id": "heat"}', "movie_id"),
    (b'{"user_id": "u", "\\u0075ser_id": "v", "movie_id": "heat"}', "user_id"),
    *(
        (b'{"user_id": "u", "movie_id": "heat", "rating": ' + value + b"}", "rating")
        for value in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"-0", b"-0.0", b"9" * 400)
    ),
]


class Untouchable:
    """Stands for every service and store."""

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(f"a hostile input came through to {name}")


@pytest.fixture(scope="module")
def api() -> TestClient:
    app = create_app(Settings(), [ingestion_routes.router, serving_routes.router])
    for dependency in (
        *(ingestion_service, poster_routes.catalog, serving_routes.user_stats_service),
        *(serving_routes.habits_service, serving_routes.stats_store),
    ):
        app.dependency_overrides[dependency] = Untouchable
    return TestClient(app, raise_server_exceptions=False)


def assert_names(response: Any, status: int, field: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    named = [error["field"] for error in problem["errors"]]
    assert any(name == field or name.startswith(f"{field}.") for name in named), named
    assert len(response.content) < 10_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("user_id", value) for value in NO_STRING + NO_IDENTIFIER),
        *(("movie_id", value) for value in NO_STRING + NO_IDENTIFIER),
        *(("rating", value) for value in NO_RATING),
        *(("watched_at", value) for value in NO_MOMENT),
        *(("title", value) for value in NO_TITLE),
        *((name, 1) for name in NO_NAME_OF_A_FIELD),
    ],
)
def test_a_hostile_field_is_named(api: TestClient, field: str, value: Any) -> None:
    content = json.dumps(GOOD | {field: value}).encode()
    assert_names(api.post("/v1/movies", content=content, headers=JSON), 422, field)


@pytest.mark.parametrize(("body", "field"), BODIES)
def test_a_hostile_body_is_refused(api: TestClient, body: bytes, field: str) -> None:
    assert_names(api.post("/v1/movies", content=body, headers=JSON), 422, field)


@pytest.mark.parametrize(("method", "path", "field"), QUERIES)
def test_a_hostile_path_or_query_is_named(api: TestClient, method: str, path: str, field: str) -> None:
    assert_names(api.request(method, path), 422, field)


def test_a_path_with_a_line_break_leads_nowhere(api: TestClient) -> None:
    assert_names(api.delete("/movies/a%0Ab?user_id=u"), 404, "path")


def test_ten_megabytes_are_refused_declared_or_not(api: TestClient) -> None:
    body = b" " * 10_000_000
    assert_names(api.post("/v1/movies", content=body, headers=JSON), 413, "body")
    chunks = (body[:1_000_000] for _ in range(10))
    assert_names(api.post("/v1/movies", content=chunks, headers=JSON), 413, "body")


def test_there_are_enough_of_them() -> None:
    texts = [*NO_STRING, *NO_IDENTIFIER]
    assert len([*texts, *texts, *NO_RATING, *NO_MOMENT, *NO_TITLE, *NO_NAME_OF_A_FIELD, *BODIES, *QUERIES]) >= 200
