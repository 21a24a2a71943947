"""Catalog entries of recently asked films, kept in the process, so that a merge rarely needs a second round trip."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final

from cinematch.domain.watchlist import Film
from serving_layer.stores import StatsStore

FILMS_KEPT: Final = 20_000
"""About 20 MB; a popular film is in many people's tails."""
FILM_SECONDS: Final = 60.0
"""A corrected catalog entry shows in merged answers after this time at the latest."""


class FilmCache:
    """Films by id, each kept for at most FILM_SECONDS; films that the catalog lacks are asked for each time."""

    def __init__(self, store: StatsStore, clock: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._clock = clock
        self._kept: OrderedDict[str, tuple[Film, float]] = OrderedDict()

    async def get(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        """Give the films by id; raises StoreUnavailable when some are not kept and MongoDB fails."""
        wanted = set(movie_ids)
        now = self._clock()
        films = {
            movie_id: kept[0] for movie_id in wanted if (kept := self._kept.get(movie_id)) is not None and kept[1] > now
        }
        missing = sorted(wanted - films.keys())
        if missing:
            found = await self._store.films(missing)
            self._keep(found)
            films |= found
        return films

    def _keep(self, found: dict[str, Film]) -> None:
        expires = self._clock() + FILM_SECONDS
        for movie_id, film in found.items():
            self._kept[movie_id] = (film, expires)
            self._kept.move_to_end(movie_id)
        while len(self._kept) > FILMS_KEPT:
            self._kept.popitem(last=False)
