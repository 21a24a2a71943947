"""Catalog entries of recently asked films, kept in the process, so that a merge rarely needs a second round trip."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from cinematch.domain.watchlist import Film
from serving_layer.stores import StatsStore

FILMS_KEPT: Final = 20_000
"""About 20 MB; a popular film is in many people's tails."""
REFRESHED: Final = 50
"""So many of those that are too old are asked for along with one that is missed."""
FILM_SECONDS: Final = 60.0
"""A corrected catalog entry shows in merged answers after this time at the latest."""
CLOCKS_APART: Final = timedelta(minutes=1)
"""By this much the clocks of batch, import and API may differ."""


def now_utc() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class _Kept:
    """A film as it was read at a time, and whether anybody has asked for it since the time before."""

    film: Film
    read_at: datetime
    is_used: bool


class FilmCache:
    """Films by id, each kept for at most FILM_SECONDS; films that the catalog lacks are asked for each time."""

    def __init__(self, store: StatsStore, clock: Callable[[], datetime] = now_utc) -> None:
        self._store = store
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def get(self, movie_ids: Iterable[str], since: datetime | None = None) -> dict[str, Film]:
        """Give the films by id, each as the catalog had it at most FILM_SECONDS ago, and not before `since`.

        Raises StoreUnavailable when some are not kept and MongoDB fails.
        """
        wanted, now = set(movie_ids), self._clock()
        oldest = now - timedelta(seconds=FILM_SECONDS)
        if since is not None:
            oldest = max(oldest, since + CLOCKS_APART)
        films = {}
        for movie_id in wanted:
            kept = self._kept.get(movie_id)
            if kept is not None and kept.read_at > oldest:
                kept.is_used = True
                films[movie_id] = kept.film
        if missing := wanted - films.keys():
            others = self._take_oldest(oldest) - missing if oldest < now else set()
            asked = sorted(missing | others)
            found = await self._store.films(asked)
            for movie_id in asked:
                self._keep(movie_id, found.get(movie_id), now, is_used=movie_id in missing)
            films |= {movie_id: found[movie_id] for movie_id in missing & found.keys()}
        return films

    def _take_oldest(self, moment: datetime) -> set[str]:
        """Give some films that were read before, or forget them when nobody has used them since.

        What was asked for at one time would be missed one by one.
        """
        old = [entry for entry in islice(self._kept.items(), REFRESHED) if entry[1].read_at <= moment]
        for movie_id, kept in old:
            self._kept.move_to_end(movie_id)  # who looks meanwhile takes others
            if not kept.is_used:
                del self._kept[movie_id]
        return {movie_id for movie_id, kept in old if kept.is_used}

    def _keep(self, movie_id: str, film: Film | None, read_at: datetime, *, is_used: bool) -> None:
        self._kept.pop(movie_id, None)
        if film is not None:
            self._kept[movie_id] = _Kept(film, read_at, is_used)
        while len(self._kept) > FILMS_KEPT:
            self._kept.popitem(last=False)


def may_have_changed(films: Iterable[Film], since: datetime | None) -> bool:
    """Say whether one of these entries may be another one than at `since`; None: nobody has looked before."""
    if since is None:
        return False
    earliest = since - CLOCKS_APART
    return any(film.changed_at is not None and film.changed_at >= earliest for film in films)
