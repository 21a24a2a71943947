"""Brings films of files into the catalog, in bulk.

Every write may be repeated, and a repeated one changes nothing. An entry that a refresh does change says when, by the
server's clock, in `changed_at`: so readers know that what an earlier batch took from the catalog may no longer be what
it says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from pymongo import UpdateOne

from cinematch.adapters.mongodb_client import SyncDatabase, translated
from cinematch.contracts.catalog_document import catalog_document
from cinematch.contracts.collections import CATALOG
from cinematch.domain.watchlist import Film

_FIELDS: Final = frozenset(field.name for field in fields(Film) if field.compare)
CHANGED_AT: Final = "changed_at"
"""Set when a refresh changes an entry, or brings it: a list may hold a film that the catalog did not have."""
_OF_THE_TITLE: Final = frozenset({"title", "normalized_title", "title_words"})


class CatalogWriter:
    """The catalog for imports. One call writes one batch; 1,000 films are a good size. Raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._films = database[CATALOG]

    def put(self, films: Iterable[Film]) -> int:
        """Write films whole, each in place of what the catalog has of it. Gives the number of films that were new."""
        return self.refresh((film, _FIELDS) for film in films)

    def refresh(self, films: Iterable[tuple[Film, Collection[str]]]) -> int:
        """Bring films up to date, each with the names of those of its fields that are known; the title always is.

        A field that is not known keeps what the catalog has. Of two entries of one film the later one counts. Gives
        the number of films that were new.
        """
        return self._write([_refreshing(film, known) for film, known in films])

    def add_missing(self, films: Iterable[Film]) -> int:
        """Add the films that the catalog lacks; the others stay as they are. Gives the number of those added."""
        return self._write([_adding(film) for film in films])

    def link(self, ids: Mapping[str, Mapping[str, str]]) -> None:
        """Note other sites' ids of films (movie_id -> field -> id); films that the catalog lacks are left out."""
        self._write([UpdateOne({"_id": movie_id}, {"$set": dict(fields)}) for movie_id, fields in ids.items()])

    def _write(self, updates: list[UpdateOne]) -> int:
        if not updates:
            return 0
        with translated():
            return self._films.bulk_write(updates, ordered=True).upserted_count


def _refreshing(film: Film, known: Collection[str]) -> UpdateOne:
    """Set the known fields, and the time where one of them differs; the server compares, so nobody comes between."""
    certain, others = _parted(catalog_document(film), _OF_THE_TITLE.union(known))
    is_new = {"$eq": [{"$type": "$title"}, "missing"]}
    differs = {"$or": [{"$ne": [f"${name}", value]} for name, value in certain.items()]}
    fields_set = {
        **certain,
        **{name: {"$cond": [is_new, value, f"${name}"]} for name, value in others.items()},
        CHANGED_AT: {"$cond": [differs, "$$NOW", f"${CHANGED_AT}"]},
    }
    return UpdateOne({"_id": film.movie_id}, [{"$set": fields_set}], upsert=True)


def _parted(document: Mapping[str, object], known: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the known fields and the others, each value quoted: text with a dollar is data, not an expression."""
    quoted = {name: {"$literal": value} for name, value in document.items() if name != "_id"}
    certain = {name: value for name, value in quoted.items() if name in known}
    return certain, {name: value for name, value in quoted.items() if name not in known}


def _adding(film: Film) -> UpdateOne:
    document = catalog_document(film)
    return UpdateOne({"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True)
