"""Bad inputs, chosen by hand, for what the dashboard's pages ask for; it is not in the API's description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from cinematch.api.tokens import TOKEN_BYTES_MAX
from serving_layer.dashboard.assets import assets
from tests.integration.api.bad_inputs import NO_IDS_IN_URLS, NO_QUERIES, BadInput, bodies

SESSION: Final = "/dashboard/session"
NO_TOKENS: Final[tuple[Any, ...]] = (
    *("", "x" * (TOKEN_BYTES_MAX + 1), "\ud800", None, True, 7, 7.5, [], ["t"], {}, {"$gt": ""}, {"$ne": None}),
)
STYLE: Final = "static/css/tokens.css"
NO_ASSETS: Final = (
    *("", "%00", "*", "static", "static/", "static/css", "static/nothing.js", "%2e%2e/assets.py", "%2e%2e"),
    *("static/%2e%2e/assets.py", "static/%2e%2e%2Fassets.py", "static/%2e%2e%5Cassets.py", "%2Fetc%2Fpasswd"),
    *("%2e%2e/" * 9 + "etc/passwd", "%2e%2e%2f" * 9 + "etc%2fpasswd", "%252e%252e/" * 9 + "etc/passwd"),
    *("....//....//etc/passwd", "%C0%AE%C0%AE/assets.py", "file:%2F%2F%2Fetc%2Fpasswd", "templates/layout.html"),
    *("__pycache__", "static/css/%2e%2e/css/tokens.css", "%2e/" + STYLE, "/" + STYLE, STYLE + "/", STYLE + "%00"),
    *(
        STYLE + "%00.js",
        STYLE + "%0A",
        STYLE + "%20",
        STYLE + ".",
        STYLE.upper(),
        STYLE.replace("/", "%5C"),
        "a" * 9_000,
    ),
)
"""Dots are escaped: the tests' client would resolve them itself."""
NO_DIGESTS: Final = ("0" * 16, "%2e%2e", "%00", "*", "%FF", "0", "a" * 9_000)


def bad_dashboard_inputs() -> Iterator[BadInput]:
    """Give all of them."""
    yield from _sessions()
    yield from _users()
    yield from _assets()
    for path in ("trends", "trends/stream", "community", "operator/stream"):
        for query, blamed in NO_QUERIES:
            yield BadInput("GET", f"/dashboard/{path}?{query}", blamed)
    for path in (
        *("nothing", "trends/", "operator/", "sign-in%00", "dashboard", "dashboard/people/", "docs/start.js/", "%0A"),
        *("trends%0A", "dashboard/trends%0A", "dashboard/people%0A", "health/live%0A", "metrics%0A", "docs%0A"),
    ):
        yield BadInput("GET", f"/{path}", "path", 404)
    for method, path in (("PUT", ""), ("POST", "trends"), ("DELETE", "operator"), ("TRACE", "dashboard/session")):
        yield BadInput(method, f"/{path}", "method", 405)


def _sessions() -> Iterator[BadInput]:
    yield from bodies(SESSION, b'{"token": "t"}', "token")
    for token in NO_TOKENS:
        yield BadInput("POST", SESSION, "token", body=json.dumps({"token": token}).encode())
    for name in ("user_id", "scope", "__proto__"):
        yield BadInput("POST", SESSION, name, body=json.dumps({"token": "t", name: "u"}).encode())
    yield BadInput("DELETE", SESSION, "body", body=b"{")
    yield BadInput("DELETE", SESSION, "Content-Type", 415, b"{}", {"content-type": "text/plain"})
    yield BadInput("DELETE", SESSION, "body", 413, b"{" + b" " * 65_536 + b"}")
    for method in ("POST", "DELETE"):
        for query, blamed in NO_QUERIES:
            yield BadInput(method, f"{SESSION}?{query}", blamed)


def _users() -> Iterator[BadInput]:
    people, documents = "/dashboard/people", ("/dashboard/users/stats", "/dashboard/users/stats/stream")
    for name in NO_IDS_IN_URLS:
        for path in documents:
            yield BadInput("GET", f"{path}?user_id={name}", "user_id")
        if name:  # everybody's id begins with nothing
            yield BadInput("GET", f"{people}?user_id={name}", "user_id")
    for path in documents:
        for query in ("", "user_id[$gt]=", "user_id%00=u", "userId=u"):
            yield BadInput("GET", f"{path}?{query}", "user_id")
    for path in (*documents, people):
        yield BadInput("GET", f"{path}?user_id=u&user_id=v", "user_id")
        yield BadInput("GET", f"{path}?user_id=u&user%5Fid=v", "user_id")


def _assets() -> Iterator[BadInput]:
    digest = assets().digest
    for path in NO_ASSETS:
        yield BadInput("GET", f"/assets/{digest}/{path}", "path", 404)
    for other in (*NO_DIGESTS, digest.upper(), f"{digest}%00", f"{digest}%20", digest[:-1]):
        yield BadInput("GET", f"/assets/{other}/{STYLE}", "path", 404)
