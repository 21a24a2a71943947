"""Catalog entries of recently asked films, kept in the process, so that a merge rarely needs a second round trip."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from cinematch.domain.watchlist import Film
from serving_layer.stores import StatsStore

FILMS_KEPT: Final = 20_000
"""About 20 MB; a popular film is in many people's tails."""
REFRESHED: Final = 50
"""So many that are too old are asked for along with one that is missed."""
FILM_SECONDS: Final = 60.0
"""A corrected catalog entry shows in merged answers after this time at the latest."""
CLOCKS_APART: Final = timedelta(minutes=1)
"""By this much the clocks of batch, import and API may differ."""


def now_utc() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


class FilmCache:
    """Films by id, each kept for at most FILM_SECONDS; films that the catalog lacks are asked for each time."""

    def __init__(self, store: StatsStore, clock: Callable[[], datetime] = now_utc) -> None:
        self._store = store
        self._clock = clock
        self._kept: OrderedDict[str, tuple[Film, datetime]] = OrderedDict()

    async def get(self, movie_ids: Iterable[str], since: datetime | None = None) -> dict[str, Film]:
        """Give the films by id, each as the catalog had it at most FILM_SECONDS ago, and not before `since`.

        Raises StoreUnavailable when some are not kept and MongoDB fails.
        """
        wanted = set(movie_ids)
        oldest = self._clock() - timedelta(seconds=FILM_SECONDS)
        if since is not None:
            oldest = max(oldest, since + CLOCKS_APART)
        films = {
            movie_id: kept[0]
            for movie_id in wanted
            if (kept := self._kept.get(movie_id)) is not None and kept[1] > oldest
        }
        if missing := wanted - films.keys():
            asked = missing | self._take_oldest(oldest)
            found = await self._store.films(sorted(asked))
            self._keep(asked, found)
            films |= {movie_id: found[movie_id] for movie_id in missing & found.keys()}
        return films

    def _take_oldest(self, moment: datetime) -> set[str]:
        """Give some films that were kept before: what was asked for at one time would be missed one by one."""
        oldest = islice(self._kept.items(), REFRESHED)
        taken = {movie_id for movie_id, (_, kept_at) in oldest if kept_at <= moment}
        for movie_id in taken:
            self._kept.move_to_end(movie_id)  # who looks meanwhile takes others
        return taken

    def _keep(self, asked: set[str], found: dict[str, Film]) -> None:
        now = self._clock()
        for movie_id in asked - found.keys():
            self._kept.pop(movie_id, None)
        for movie_id, film in found.items():
            self._kept[movie_id] = (film, now)
            self._kept.move_to_end(movie_id)
        while len(self._kept) > FILMS_KEPT:
            self._kept.popitem(last=False)


def may_have_changed(films: Iterable[Film], since: datetime | None) -> bool:
    """Say whether one of these entries may be another one than at `since`; None: nobody has looked before."""
    if since is None:
        return False
    earliest = since - CLOCKS_APART
    return any(film.changed_at is not None and film.changed_at >= earliest for film in films)
