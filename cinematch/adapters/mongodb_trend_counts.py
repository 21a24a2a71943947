"""The state of the global trends in MongoDB: a count for each film and each genre, and how far each user is counted.

Counts and progress change in one transaction, so an event counts exactly once, however often and in whatever groups it
is delivered, and whoever else is counting at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_client import Document, SyncClient, SyncDatabase, translated
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.contracts.collections import GLOBAL_GENRE_COUNTS, GLOBAL_MOVIE_COUNTS, GLOBAL_PROGRESS
from cinematch.domain.trends import FilmCount, TrendIncrements
from cinematch.domain.watchlist import Film

Outcome = TypeVar("Outcome")
MOST_POPULAR_FIRST: Final = [("count", DESCENDING), ("title", ASCENDING), ("_id", ASCENDING)]
"""The order of `popularity_key`; an index gives it."""


@dataclass(frozen=True, slots=True)
class TrendState:
    """All counts at one moment: films, most popular first, read as one goes; genres; the sum of all film counts."""

    films: Iterator[FilmCount]
    genres: Mapping[str, int]
    entries: int


def in_transaction(client: SyncClient, work: Callable[[ClientSession], Outcome]) -> Outcome:
    """Run `work` in one transaction over one snapshot, again when it met another one. Raises StoreUnavailable.

    `work` must have no effect outside of its session, for it may run more than once.
    """
    with translated(), client.start_session() as session:
        return session.with_transaction(work, read_concern=ReadConcern("snapshot"))


class TrendCounts:
    """The three collections of the state, inside a transaction that the caller has begun."""

    def __init__(self, database: SyncDatabase) -> None:
        self._films = database[GLOBAL_MOVIE_COUNTS]
        self._genres = database[GLOBAL_GENRE_COUNTS]
        self._progress = database[GLOBAL_PROGRESS]
        self._catalog = Catalog(database)
        self._erasures = Erasures(database)

    def progress(self, user_ids: Iterable[str], session: ClientSession) -> dict[str, int]:
        """Give each user's last counted sequence; users without any are absent.

        Of a user who was erased everything up to the floor is counted, though nothing else remembers it.
        """
        users = sorted(user_ids)
        found = self._progress.find({"_id": {"$in": users}}, session=session)
        counted = {document["_id"]: document["sequence"] for document in found}
        return self._erasures.floors((user for user in users if user not in counted), session) | counted

    def apply(self, increments: TrendIncrements, session: ClientSession) -> None:
        """Add increments to the counts and move the progress up; counts stop at 0, where their document goes."""
        _change(self._films, increments.movies, self._new_films(increments, session), session)
        _change(self._genres, increments.genres, {}, session)
        reached = [
            UpdateOne({"_id": user_id}, {"$max": {"sequence": sequence}}, upsert=True)
            for user_id, sequence in increments.progress.items()
        ]
        if reached:
            self._progress.bulk_write(reached, ordered=False, session=session)

    @contextmanager
    def state(self, session: ClientSession) -> Iterator[TrendState]:
        """Read the counts, as of the transaction."""
        totals = list(
            self._films.aggregate([{"$group": {"_id": None, "entries": {"$sum": "$count"}}}], session=session)
        )
        genres = {document["_id"]: document["count"] for document in self._genres.find(session=session)}
        with self._films.find(session=session).sort(MOST_POPULAR_FIRST) as found:
            yield TrendState(map(_film_count, found), genres, totals[0]["entries"] if totals else 0)

    def _new_films(self, increments: TrendIncrements, session: ClientSession) -> dict[str, Document]:
        """Give title, poster and year of the films that get their first count; later ones keep what was found then."""
        added = sorted(movie_id for movie_id, change in increments.movies.items() if change > 0)
        known = {film["_id"] for film in self._films.find({"_id": {"$in": added}}, {"_id": 1}, session=session)}
        new = [movie_id for movie_id in added if movie_id not in known]
        catalog = self._catalog.films_by_id(new) if new else {}
        return {movie_id: _first_fields(increments.titles[movie_id], catalog.get(movie_id)) for movie_id in new}


def _first_fields(title: str, film: Film | None) -> Document:
    return {
        "title": title,
        "poster_path": None if film is None else film.poster_path,
        "year": None if film is None else film.year,
    }


def _film_count(fields: Document) -> FilmCount:
    return FilmCount(fields["_id"], fields["title"], fields["count"], fields["poster_path"], fields.get("year"))


def _change(
    collection: Collection[Document],
    changes: Mapping[str, int],
    new: Mapping[str, Document],
    session: ClientSession,
) -> None:
    """Add `changes` to the counts of a collection by `_id`; `new` has the other fields of a document's first count."""
    operations = [_operation(key, change, new.get(key, {})) for key, change in changes.items() if change]
    if operations:
        collection.bulk_write(operations, ordered=False, session=session)
    decreased = sorted(key for key, change in changes.items() if change < 0)
    if decreased:
        collection.delete_many({"_id": {"$in": decreased}, "count": {"$lte": 0}}, session=session)


def _operation(key: str, change: int, fields: Document) -> UpdateOne:
    if change < 0:
        floored: Any = {"$max": [0, {"$add": ["$count", change]}]}
        return UpdateOne({"_id": key}, [{"$set": {"count": floored}}])
    update: Document = {"$inc": {"count": change}} | ({"$setOnInsert": fields} if fields else {})
    return UpdateOne({"_id": key}, update, upsert=True)
