"""Bad inputs, chosen by hand, for every operation of the API; those of the dashboard are in `bad_dashboard_inputs`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

JSON_HEADERS: Final = {"content-type": "application/json"}


@dataclass(frozen=True)
class BadInput:
    """A request, and what its problem must say: the status, and the field that is to blame."""

    method: str
    path: str
    blamed: str
    status: int = 422
    body: bytes | None = None
    headers: dict[str, str | bytes] = field(default_factory=lambda: dict(JSON_HEADERS))

    def __str__(self) -> str:
        return f"{self.method} {self.path[:80]} {(self.body or b'')[:120]!r} {self.headers}"


NO_IDS_IN_JSON: Final[tuple[Any, ...]] = (
    *("", "x" * 129, "a\x00", "a\nb", "\x1b[31m", "\x7f", "\x85", "\u202egnp.exe", "\u2066u\u2069", "\u200fu"),
    *("\u2028", "\ufeffu", "\ud800", "\udfff\ud800", None, True, 7, 7.5, -0.0, [], ["u"], {}, {"$gt": ""}),
    *({"$ne": None}, {"$regex": ".*"}, {"$where": "sleep(9)"}, {"$in": ["u"]}, [{"$gt": ""}], {"a.b": 1}),
)
NO_IDS_IN_URLS: Final = (
    *("", "x" * 129, "%00", "a%0Ab", "%1B%5B31m", "%7F", "%C2%85", "%E2%80%AEgnp", "%E2%81%A6u", "%EF%BB%BFu"),
    *("%ED%A0%80", "%FF", "%C0%AE", "%F5%80%80%80", "a%C3"),
)
NO_NUMBERS_IN_URLS: Final = (
    *("0", "-1", "-0", "+-1", "1e3", "1.5", "NaN", "Infinity", "-Infinity", "0x10", "ten", "", "%00", "null", "true"),
    *("9" * 30, "9" * 5_000, "1%0A1", "%D9%A1x", "[1]", "%7B%22$gt%22:0%7D", "1;DROP", "1,2"),
)
NO_QUERIES: Final = (("a=1&a=2", "a"), ("a=%FF", "a"), ("%ED%A0%80=1", "\ufffd" * 3))
"""Queries that are bad whatever a route wants of them, and the parameter that is to blame."""
WITHOUT_INPUT: Final = (
    *("trends/global", "operator/generations", "operator/scheduler", "operator/ingestion", "operator/lake"),
    *("operator/micro-batch", "operator/audit", "operator/speed"),
)
"""What is asked for by its path alone."""
NO_CURSORS: Final = ("", "%00", "aGVhdA", "%C3%A8", "..", "AA==", "$gt", "%7B%7D", "a" * 20_000)


def bad_inputs() -> Iterator[BadInput]:
    """Give all of them, each for the path with the version and for the one without."""
    for case in _versioned():
        yield case
        if "//" not in case.path:  # without the version that would be another server's name
            yield replace(case, path=case.path.removeprefix("/v1"))


def _versioned() -> Iterator[BadInput]:
    yield from _additions()
    yield from bodies("/v1/movies", b'{"user_id": "u", "movie_id": "heat"}', "user_id")
    yield from bodies("/v1/operator/published-generation", b'{"generation": 1}', "generation")
    yield from bodies("/v1/operator/redrive", b'{"ids": ["a/0/1"]}', "ids")
    yield from _operator_actions()
    yield from _urls()
    for path in WITHOUT_INPUT:
        for query, blamed in NO_QUERIES:
            yield BadInput("GET", f"/v1/{path}?{query}", blamed)


def _additions() -> Iterator[BadInput]:
    bad: dict[str, tuple[Any, ...]] = {
        "user_id": NO_IDS_IN_JSON,
        "movie_id": NO_IDS_IN_JSON,
        "rating": (
            *("8", "", "NaN", True, False, 0, -0.0, 0.4, 10.1, 7.55, -8, 1e308, 10**400, [], [8], {}, {"$inc": 1}),
            *(float("nan"), float("inf"), float("-inf"), {"$gt": ""}, 0.49999999, 1e-320),
        ),
        "watched_at": (
            *("", "yesterday", "2026-01-19", "2026-01-19T20:30:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z"),
            *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-12:00", "1677-01-01T00:00:00Z", 0, 1e12, True, [], {}),
            *({"$date": 0}, {"$gt": ""}, "2026-01-19T20:30:00+99:99", "2026-01-19T20:30:00Z\x00"),
        ),
        "title": ("x" * 1_001, "a\x00", "a\nb", "\ud800", 7, True, [], {}, {"$gt": ""}, {"$regex": "."}, ["Heat"]),
    }
    for name, values in bad.items():
        for value in values:
            body = {"user_id": "u", "movie_id": "heat"} | {name: value}
            yield BadInput("POST", "/v1/movies", name, body=json.dumps(body).encode())
    for name in ("$set", "$where", "user_id.x", "__proto__", "sequence", "event_id", "a.b", "\u202e", "x" * 90, ""):
        body = {"user_id": "u", "movie_id": "heat", name: 1}
        shown = "\\u202e" if name == "\u202e" else name or "body"
        yield BadInput("POST", "/v1/movies", shown, body=json.dumps(body).encode())


def bodies(path: str, good: bytes, member: str) -> Iterator[BadInput]:
    """Bodies that are bad whatever a route wants of them."""
    twice = good[:-1] + b", " + good[1:]
    for body, blamed in (
        *((b"", "body"), (b"{", "body"), (b"[]", "body"), (b"null", "body"), (b"1", "body"), (b'"u"', "body")),
        *((b"\xff\xfe", "body"), (b"\xef\xbb\xbf" + good, "body"), (good.decode().encode("utf-16"), "body")),
        *((good + b"{}", "body"), (good + b"\x00", "body"), (good[:-1] + b",}", "body"), (b"{}", member)),
        *((b"[" * 60_000, "body"), (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "body"), (twice, member)),
        (good[:-1] + b', "$comment": {"$gt": ""}}', "$comment"),
    ):
        yield BadInput("POST", path, blamed, body=body)
    for media_type in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*"):
        yield BadInput("POST", path, "Content-Type", 415, good, {"content-type": media_type})
    for size in (65_537, 10_000_000):
        yield BadInput("POST", path, "body", 413, good[:-1] + b" " * size + b"}")


def _operator_actions() -> Iterator[BadInput]:
    path = "/v1/operator/published-generation"
    numbers: tuple[Any, ...] = ("1", "", True, 0, -1, 1.5, 2**31, 10**30, [], {"$gt": 0}, float("nan"), float("inf"))
    for number in (*numbers, None):
        yield BadInput("POST", path, "generation", body=json.dumps({"generation": number}).encode())
    for number in numbers:
        yield BadInput("POST", path, "replaces", body=json.dumps({"generation": 1, "replaces": number}).encode())
    for ids in (
        *([], None, "a/0/1", [""], ["a/0"], ["a/0/1/2"], ["a/0/x"], ["../../etc/passwd"], ["a/-1/1"], [7], [None]),
        *([{"$gt": ""}], ["a/0/1\x00"], ["\ud800/0/1"], ["a/0/1\n"], ["a/0/" + "9" * 20], ["a/0/1"] * 201, {"$gt": ""}),
    ):
        yield BadInput("POST", "/v1/operator/redrive", "ids", body=json.dumps({"ids": ids}).encode())


def _urls() -> Iterator[BadInput]:
    for name in NO_IDS_IN_URLS:
        yield BadInput("DELETE", f"/v1/movies/heat?user_id={name}", "user_id")
        yield BadInput("GET", f"/v1/movies?user_id={name}", "user_id")
        yield BadInput("GET", f"/v1/stats?user_id={name}", "user_id")
        yield BadInput("GET", f"/v1/habits?user_id={name}", "user_id")
        if name:
            yield BadInput("GET", f"/v1/users?q={name}", "q")
        if name and "%0A" not in name:
            yield BadInput("DELETE", f"/v1/movies/{name}?user_id=u", "movie_id")
            yield BadInput("GET", f"/v1/posters/{name}.svg", "movie_id")
            yield BadInput("GET", f"/v1/operator/dead-letters/{name}", "letter_id")
            yield BadInput("DELETE", f"/v1/users/{name}", "user_id")
            yield BadInput("GET", f"/v1/users/{name}/erasure", "user_id")
            yield BadInput("GET", f"/v1/users/{name}/export", "user_id")
    for digits in NO_NUMBERS_IN_URLS:
        yield BadInput("GET", f"/v1/movies?user_id=u&limit={digits}", "limit")
        yield BadInput("GET", f"/v1/users?limit={digits}", "limit")
        yield BadInput("GET", f"/v1/catalog?q=heat&limit={digits}", "limit")
        yield BadInput("GET", f"/v1/stats?user_id=u&min_sequence={digits}", "min_sequence")
        yield BadInput("GET", f"/v1/operator/dead-letters?limit={digits}", "limit")
    for cursor in NO_CURSORS:
        for path in ("/v1/movies?user_id=u", "/v1/users?q=u", "/v1/catalog?q=heat"):
            yield BadInput("GET", f"{path}&cursor={cursor}", "cursor")
    for text in ("", "%00", "a%0Ab", "%FF", "x" * 1_001):
        yield BadInput("GET", f"/v1/catalog?q={text}", "q")
    for path, name in (("movies", "user_id"), ("stats", "user_id"), ("habits", "user_id"), ("catalog", "q")):
        yield BadInput("GET", f"/v1/{path}", name)
        yield BadInput("GET", f"/v1/{path}?{name}=a&{name}=b", name)
        yield BadInput("GET", f"/v1/{path}?{name}[$gt]=", name)
        yield BadInput("GET", f"/v1/{path}?{quote(name)}%00=a", name)
    for key in ("", "a b", "x" * 256, b"\xff", "\t"):
        keyed = {**JSON_HEADERS, "Idempotency-Key": key}
        yield BadInput("POST", "/v1/movies", "Idempotency-Key", 422, b'{"user_id": "u", "movie_id": "heat"}', keyed)
        yield BadInput("DELETE", "/v1/movies/heat?user_id=u", "Idempotency-Key", headers={"Idempotency-Key": key})
    for path in ("nothing", "/movies", "../v2/movies", "posters/a%0Ab.svg", "posters/heat", "movies%00"):
        yield BadInput("GET", f"/v1/{path}", "path", 404)
    for path in ("movies%0A?user_id=u", "posters/heat.svg%0A", "operator/dead-letters/a/0/1%0A", "trends/global%0A"):
        yield BadInput("GET", f"/v1/{path}", "path", 404)
    yield BadInput("DELETE", "/v1/movies/heat%0A?user_id=u", "path", 404)
    for method, path in (("PUT", "movies"), ("PATCH", "stats"), ("POST", "trends/global"), ("TRACE", "users")):
        yield BadInput(method, f"/v1/{path}", "method", 405)
    for path in ("movies/heat", "movies/%2e%2e/catalog", "movies/..%2Fcatalog", "movies%2F"):
        yield BadInput("GET", f"/v1/{path}", "method", 405)
