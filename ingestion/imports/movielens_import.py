"""`cinematch import movielens`: the ratings of a MovieLens data set, through the same event path as everything else.

Films first, then ratings. Each user's changes are written in the order of the times of rating, in transactions, and
only what differs from the list takes effect; so the import may be killed anywhere and run again, and then goes on where
it was. It does not know what users did since: their other ratings of its films become the file's again, and films that
they removed come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Final, NamedTuple

from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_watchlists import GROUP_CHANGES, Watchlists
from cinematch.batches import batches
from cinematch.domain.changes import AddFilm
from cinematch.domain.events import from_tenths
from cinematch.domain.watchlist import Film
from cinematch.side_by_side import side_by_side
from ingestion.imports.movielens_files import CsvFile, MovieLensFiles
from ingestion.imports.movielens_lines import Links
from ingestion.imports.rating_spool import RatingSpool, SpooledRating
from ingestion.imports.rows import BadRow, Report
from ingestion.progress import Stages

BATCH_FILMS: Final = 1_000
USERS_AT_ONCE: Final = 4
"""While one user's changes wait for MongoDB, the next one's are made."""
KNOWN_FILMS: Final = 50_000
"""How many are remembered at most: the same ones are rated again and again."""


@dataclass(frozen=True, slots=True)
class MovieLensImported:
    """What came of it: films added to the catalog, users, ratings (each film of a user once), events written."""

    new_films: int
    users: int
    ratings: int
    events: int


class MovieLensImport:
    """One import into one database. Every method raises StoreUnavailable; what was written until then stays."""

    def __init__(self, films: Catalog, catalog: CatalogWriter, lists: Watchlists, report: Report) -> None:
        self._films = films
        self._catalog = catalog
        self._lists = lists
        self._report = report

    def run(self, files: MovieLensFiles, stages: Stages) -> MovieLensImported:
        """Import everything; bad rows are reported and left out. Memory: some users' ratings; disk: all of them."""
        new_films = self._add_films(files.movies, stages)
        if files.links is not None:
            self._link_films(files.links, stages)
        with RatingSpool() as spool:
            with stages.stage("Reading ratings (bytes)", files.ratings.size_bytes) as advance:
                spool.add(files.ratings.rows(self._report, advance))
            users, events = self._write_ratings(spool, stages)
            return MovieLensImported(new_films, users, spool.count(), events)

    def _add_films(self, movies: CsvFile[Film], stages: Stages) -> int:
        with stages.stage("Films (bytes)", movies.size_bytes) as advance:
            return sum(
                self._catalog.add_missing(film for _, film in batch)
                for batch in batches(movies.rows(self._report, advance), BATCH_FILMS)
            )

    def _link_films(self, links: CsvFile[Links], stages: Stages) -> None:
        with stages.stage("Links (bytes)", links.size_bytes) as advance:
            for batch in batches(links.rows(self._report, advance), BATCH_FILMS):
                known = self._films.films_by_id(row.movie_id for _, row in batch)
                for line, row in batch:
                    if row.movie_id not in known:
                        self._report(_unknown_film(links.path.name, line, row.movie_id))
                ids = {row.movie_id: row.ids() for _, row in batch if row.movie_id in known}
                self._catalog.link(ids)

    def _write_ratings(self, spool: RatingSpool, stages: Stages) -> tuple[int, int]:
        users = events = 0
        with stages.stage("Writing events (ratings)", spool.count()) as advance:
            ended = Event()
            write = partial(self._write, ended)
            with closing(side_by_side(write, self._additions(spool), USERS_AT_ONCE, ended)) as all_written:
                for ratings, written in all_written:
                    users += 1
                    events += written
                    advance(ratings)
        return users, events

    def _additions(self, spool: RatingSpool) -> Iterator[_OfUser]:
        films = _KnownFilms(self._films)
        for user_id, ratings in spool.by_user():
            known = films.of({rating.movie_id for rating in ratings})
            for rating in ratings:
                if rating.movie_id not in known:
                    self._report(_unknown_film("ratings.csv", rating.line, rating.movie_id))
            additions = [_addition(known, rating) for rating in ratings if rating.movie_id in known]
            yield _OfUser(user_id, len(ratings), additions)

    def _write(self, ended: Event, user: _OfUser) -> tuple[int, int]:
        events = 0
        for group in batches(user.additions, GROUP_CHANGES):
            if ended.is_set():
                break
            events += self._lists.add_many(user.user_id, group)
        return user.ratings, events


class _OfUser(NamedTuple):
    """One user's ratings, and what of them can be written."""

    user_id: str
    ratings: int
    additions: list[AddFilm]


class _KnownFilms:
    """Looks films up that were not asked for before."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._films: dict[str, Film] = {}

    def of(self, movie_ids: Set[str]) -> Mapping[str, Film]:
        """Give these films, and maybe others; those that the catalog lacks are absent. Raises StoreUnavailable."""
        if len(self._films) > KNOWN_FILMS:
            self._films = {}
        if new := movie_ids - self._films.keys():
            self._films |= self._catalog.films_by_id(new)
        return self._films


def _addition(films: Mapping[str, Film], rating: SpooledRating) -> AddFilm:
    return AddFilm(films[rating.movie_id], from_tenths(rating.tenths), rating.watched_at)


def _unknown_film(file: str, line: int, movie_id: str) -> BadRow:
    return BadRow(file, line, f"movieId: neither movies.csv nor the catalog has a film {movie_id!r}")
