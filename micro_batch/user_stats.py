"""User statistics, recomputed from the whole list: the work of one partition of users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_user_stats import StoredList, StoredLists, UserStats, UserStatsView
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.statistics import Statistics, statistics_of
from cinematch.domain.watchlist import Film, Watchlist

CHUNK_USERS: Final = 500
"""Users read from one snapshot."""
CHUNK_FILMS: Final = 20_000
"""List entries held at a time (one user's list may be longer)."""
PAUSES_SECONDS: Final = (0.0, 0.1, 0.4, 1.5)
"""Before each attempt to see the events that have been announced."""


class FilmCatalog(Protocol):
    """Where films are looked up."""

    def films_by_id(self, movie_ids: Iterable[str]) -> Mapping[str, Film]:
        """Give the films of these ids; those that it lacks are absent."""


@dataclass(frozen=True, slots=True)
class UserStatsStores:
    """What a refresh reads and writes."""

    lists: StoredLists
    catalog: FilmCatalog
    view: UserStatsView

    @classmethod
    def of(cls, client: SyncClient, database: str) -> UserStatsStores:
        """Give the stores of that database."""
        return cls(StoredLists(client, database), Catalog(client[database]), UserStatsView(client[database]))


def compute_user_stats(
    movies: Iterable[dict[str, Any]], catalog_collection: FilmCatalog, prefetched_map: Mapping[str, Film]
) -> Statistics:
    """Compute the `stats` of one user from all their `movies` documents; see `cinematch.domain.statistics`.

    Films are taken from `prefetched_map`; `catalog_collection` is asked only for those that the map lacks.
    """
    entries = {entry.movie_id: entry for entry in map(read_movie, movies)}
    missing = [movie_id for movie_id in entries if movie_id not in prefetched_map]
    films = {**prefetched_map, **catalog_collection.films_by_id(missing)} if missing else prefetched_map
    return statistics_of(Watchlist(entries), films)


def refresh_user_stats(
    highest: Mapping[str, int], stores: UserStatsStores, sleep: Callable[[float], None] = time.sleep
) -> dict[str, int]:
    """Recompute and write the statistics of users, each at least up to the sequence that `highest` says.

    Gives the users of whom MongoDB had not seen that event even after some waiting, with the sequence it had. An event
    is published after its transaction, so that happens only to events that came from elsewhere; those users are
    written as far as MongoDB knows them. Raises StoreUnavailable.
    """
    behind: dict[str, int] = dict.fromkeys(highest, 0)
    for pause in PAUSES_SECONDS:
        sleep(pause)
        reached = _refresh(sorted(behind), stores)
        behind = {user_id: sequence for user_id, sequence in reached.items() if sequence < highest[user_id]}
        if not behind:
            break
    return behind


def _refresh(users: list[str], stores: UserStatsStores) -> dict[str, int]:
    """Write these users' statistics, and remove those of erased ones; give the sequence of each."""
    reached: dict[str, int] = {}
    for start in range(0, len(users), CHUNK_USERS):
        for group in _groups(stores.lists.read(users[start : start + CHUNK_USERS])):
            stores.view.write(_results(group, stores.catalog))
            stores.view.forget({stored.user_id: stored.sequence for stored in group if stored.is_erased})
            reached.update((stored.user_id, stored.sequence) for stored in group)
    return reached


def _groups(lists: Iterable[StoredList]) -> Iterator[list[StoredList]]:
    """Cut lists into groups of about CHUNK_FILMS entries."""
    group: list[StoredList] = []
    films = 0
    for stored in lists:
        group.append(stored)
        films += len(stored.movies)
        if films >= CHUNK_FILMS:
            yield group
            group, films = [], 0
    if group:
        yield group


def _results(group: list[StoredList], catalog: FilmCatalog) -> list[UserStats]:
    """Compute a group with one look-up of all its films; a user of whom nothing is known gets no document."""
    now = datetime.now(UTC)
    films = _prefetched(group, catalog)
    return [
        UserStats(
            user_id=stored.user_id,
            stats=compute_user_stats(stored.movies, catalog, films),
            rating_tenths=stored.rating_tenths,
            sequence=stored.sequence,
            last_updated=now,
            read_at=stored.read_at,
        )
        for stored in group
        if (stored.sequence > 0 or stored.movies) and not stored.is_erased
    ]


def _prefetched(group: list[StoredList], catalog: FilmCatalog) -> dict[str, Film]:
    """Look up all films of a group; one that the catalog lacks has no metadata, and is not asked for again."""
    movie_ids = {str(movie["movie_id"]) for stored in group for movie in stored.movies}
    films = catalog.films_by_id(movie_ids) if movie_ids else {}
    return {movie_id: films.get(movie_id) or Film(movie_id, title="") for movie_id in movie_ids}
