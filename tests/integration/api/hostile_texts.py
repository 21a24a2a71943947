"""Texts that want to become more than text, for the pages: they refuse no address, and must show nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import quote

from serving_layer.dashboard import language

HARMLESS: Final = "harmless"
HOSTILE_TEXTS: Final = (
    *("<script>hostile()</script>", '"><img src=hostile onerror=hostile()>', "' autofocus onfocus=hostile() x='"),
    *('hostile" data-hostile="1', "</title><hostile>", "<!--hostile", "javascript:hostile()", "{{ hostile }}"),
    *("//hostile.example/", "https://hostile.example/", "\\\\hostile.example", "&lt;hostile&gt;", "%3Chostile%3E"),
)
HOSTILE_CONTROLS: Final = (
    "hostile\r\nSet-Cookie: hostile=1\r\n\r\n<hostile>",
    "\x00hostile",
    "\u202ehostile",
    "\ufeff",
)
PAGES: Final = ("/", "/trends", "/operator", "/sign-in")
QUERIES: Final = (
    *("/?user_id=", "/sign-in?next=", "/sign-in?next=%2F%3Fuser_id%3D", *(f"{path}?lang=" for path in PAGES)),
    *(f"{path}?hostile=" for path in ("/docs", "/docs/start.js", "/openapi.json", "/metrics")),
    *("/health/live?hostile=", "/health/ready?hostile="),
)
"""What answers any query, each up to the place of a text."""


@dataclass(frozen=True)
class HostileText:
    """A GET with a text, and the same with a harmless one: the two answers must be alike."""

    path: str
    twin_path: str
    headers: dict[str, str] = field(default_factory=dict)


def hostile_texts() -> Iterator[HostileText]:
    """Give all of them."""
    for query in QUERIES:
        for text in (*HOSTILE_TEXTS, *HOSTILE_CONTROLS):
            yield HostileText(f"{query}{quote(text, safe='')}", f"{query}{HARMLESS}")
    for text in HOSTILE_TEXTS:
        prefix = "/dashboard/people?user_id="
        yield HostileText(f"{prefix}{quote(text, safe='')}", f"{prefix}{HARMLESS}")
        for path in PAGES:
            cookies = f"theme={text}; {language.COOKIE}={text}"
            yield HostileText(path, path, {"Cookie": cookies, "Accept-Language": text})


class _Skeleton(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((tag, [(name, (value or "").partition("?")[0]) for name, value in attrs]))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_comment(self, data: str) -> None:
        self.parts.append(("comment", data))


def skeleton(page: str) -> list[object]:
    """Give a page's elements, their attributes and its texts in order; of addresses not the query, which may differ."""
    parser = _Skeleton()
    parser.feed(page)
    parser.close()
    return parser.parts
