"""The client: one method for each operation of the API.

    with connect("http://127.0.0.1:8000") as client:
        change = client.add("u1", "m42", rating=8.5)
        stats = client.stats("u1", min_sequence=change.sequence)  # contains the film just added
        films = [movie.title for movie in client.movies("u1")]    # page after page

While the API or a server behind it is away, each call asks again (`Patience`). A change carries an `Idempotency-Key`,
so that asking again does not carry it out again, and gives the answer of the first time. What the errors mean:
`cinematch.client.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel

from cinematch.client.exchange import Exchange, Patience
from cinematch.client.models import CatalogFilm, Change, GlobalTrends, Habits, ListedMovie, ListedUser, UserStats
from cinematch.domain.changes import KEEP_RATING, KeepRating
from cinematch.settings import load_settings

VERSION_PREFIX: Final = "/v1"
TIMEOUT_SECONDS: Final = 10.0
"""For one answer; longer than the API waits for `min_sequence`."""
KEY_HEADER: Final = "Idempotency-Key"


class MoviesPage(BaseModel):
    """A part of a list."""

    movies: list[ListedMovie]
    next_cursor: str | None


class UsersPage(BaseModel):
    """A part of the users."""

    users: list[ListedUser]
    next_cursor: str | None


class CatalogPage(BaseModel):
    """A part of what a search found."""

    films: list[CatalogFilm]
    next_cursor: str | None


class Client:
    """The API behind `http`, whose base address is the API's. As safe for threads as `httpx.Client` is."""

    def __init__(self, http: httpx.Client, patience: Patience | None = None) -> None:
        self._exchange = Exchange(http, patience or Patience())

    def add(
        self,
        user_id: str,
        movie_id: str,
        *,
        rating: float | KeepRating | None = KEEP_RATING,
        watched_at: datetime | None = None,
        title: str | None = None,
        idempotency_key: str | None = None,
    ) -> Change:
        """Put a film into a list, or give it another rating; None: not rated; left out: the rating stays.

        When this returns, the change cannot be lost. Raises NotThere when nothing finds the film, and Conflicting when
        several films have the title: `problem.candidates` names them.
        """
        movie: dict[str, Any] = {"user_id": user_id, "movie_id": movie_id}
        movie |= {} if isinstance(rating, KeepRating) else {"rating": rating}
        movie |= {} if watched_at is None else {"watched_at": watched_at.isoformat()}
        movie |= {} if title is None else {"title": title}
        return self._exchange.ask(Change, "POST", _path("movies"), json=movie, headers=_key(idempotency_key))

    def remove(self, user_id: str, movie_id: str, *, idempotency_key: str | None = None) -> Change:
        """Take a film out of a list. Raises NotThere when it is not in it."""
        path, headers = _path("movies", movie_id), _key(idempotency_key)
        return self._exchange.ask(Change, "DELETE", path, params={"user_id": user_id}, headers=headers)

    def movies(self, user_id: str, page_size: int = 100) -> Iterator[ListedMovie]:
        """Give the films of a list by id; what changes meanwhile shows when it is behind what was given."""
        params: dict[str, str | int | None] = {"user_id": user_id, "limit": page_size, "cursor": None}
        while True:
            page = self._exchange.ask(MoviesPage, "GET", _path("movies"), params=params)
            yield from page.movies
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def users(self, prefix: str = "", page_size: int = 50) -> Iterator[ListedUser]:
        """Give everybody whose id begins with `prefix`, by id."""
        params: dict[str, str | int | None] = {"q": prefix, "limit": page_size, "cursor": None}
        while True:
            page = self._exchange.ask(UsersPage, "GET", _path("users"), params=params)
            yield from page.users
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def search(self, text: str, page_size: int = 50) -> Iterator[CatalogFilm]:
        """Give the films of the catalog whose title begins with `text` or has its words, the best first."""
        params: dict[str, str | int | None] = {"q": text, "limit": page_size, "cursor": None}
        while True:
            page = self._exchange.ask(CatalogPage, "GET", _path("catalog"), params=params)
            yield from page.films
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def stats(self, user_id: str, min_sequence: int | None = None) -> UserStats:
        """Give a user's statistics; with `min_sequence` (of a Change), such that contain that event.

        Raises NotThere for a user without any event, NotYet when the event does not arrive within the API's wait.
        """
        params = {"user_id": user_id, "min_sequence": min_sequence}
        return self._exchange.ask(UserStats, "GET", _path("stats"), params=params)

    def habits(self, user_id: str) -> Habits:
        """Give when a user watches, and films of which time. Raises NotThere."""
        return self._exchange.ask(Habits, "GET", _path("habits"), params={"user_id": user_id})

    def trends(self) -> GlobalTrends:
        """Give the community's trends. Raises Unavailable until they are computed for the first time."""
        return self._exchange.ask(GlobalTrends, "GET", _path("trends", "global"))


@contextmanager
def connect(api_url: str, patience: Patience | None = None, token: str | None = None) -> Iterator[Client]:
    """Give a client of the API at this address; nothing is sent before the first call. Proxies are not used.

    `token` says who calls; None: the one in CINEMATCH_TOKEN, if there is one.
    """
    sent = token if token is not None else load_settings().cinematch_token.get_secret_value()
    headers = {"Authorization": f"Bearer {sent}"} if sent else {}
    with httpx.Client(base_url=api_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        yield Client(http, patience)


def _path(*parts: str) -> str:
    """Give the path; a part may hold anything, also slashes, or dots that would lead to another path."""
    return "/".join([VERSION_PREFIX, *(quote(part, safe="").replace(".", "%2E") for part in parts)])


def _key(given: str | None) -> dict[str, str]:
    return {KEY_HEADER: given or str(uuid4())}
