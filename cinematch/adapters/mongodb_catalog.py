"""The film catalog in MongoDB: films by id and by title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pymongo import ASCENDING

from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document, SyncDatabase, translated
from cinematch.contracts.catalog_document import read_film
from cinematch.contracts.collections import CATALOG
from cinematch.domain.titles import normalize_title
from cinematch.domain.watchlist import Film

_AFTER_WORDS: Final = "{"
"""Sorts right after every letter, digit and space of a normalised title: the end of a range of prefixes."""
_BY_TITLE: Final = [("normalized_title", ASCENDING), ("_id", ASCENDING)]


class Place(NamedTuple):
    """Where a film stands among those of a search."""

    normalized_title: str
    movie_id: str

    @classmethod
    def of(cls, film: Film) -> Place:
        """Give the place of a film."""
        return cls(normalize_title(film.title), film.movie_id)


class Catalog:
    """The catalog for layers that may block. Every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._films = database[CATALOG]

    def films_by_id(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        """Give the films of these ids, in one look-up; those that the catalog lacks are absent."""
        with translated():
            return {document["_id"]: read_film(document) for document in self._films.find(_by_ids(movie_ids))}


class AsyncCatalog:
    """The catalog for the API. Every call raises StoreUnavailable."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._films = database[CATALOG]

    async def films_by_id(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        """Give the films of these ids, in one look-up; those that the catalog lacks are absent."""
        with translated():
            return {document["_id"]: read_film(document) async for document in self._films.find(_by_ids(movie_ids))}

    async def films_titled(self, title: str, limit: int) -> list[Film]:
        """Give the films whose normalised title equals that of `title`, by id; none for a title without any word."""
        normalized = normalize_title(title)
        return await self._found([{"normalized_title": normalized}], limit) if normalized else []

    async def search(self, text: str, limit: int, after: Place | None = None) -> list[Film]:
        """Give films by title: first those whose title begins with `text`, then the others that have all its words.

        The last word may be the beginning of one. Normalised both; each group by title, then by id. `after` is the
        place of a film of the same search: what comes behind it. Served from indexes, for `text` is only ever
        compared, never a pattern. None for a text without any word.
        """
        words = normalize_title(text).split()
        if not words:
            return []
        prefix = " ".join(words)
        beginning = {"$gte": prefix, "$lt": prefix + _AFTER_WORDS}
        found: list[Film] = []
        if after is None or prefix <= after.normalized_title < prefix + _AFTER_WORDS:
            found = await self._found([{"normalized_title": beginning}, *_behind(after)], limit)
            after = None
        if len(found) < limit:
            others = [{"normalized_title": {"$not": beginning}}, *_having(words), *_behind(after)]
            found += await self._found(others, limit - len(found))
        return found

    async def _found(self, conditions: Sequence[Document], limit: int) -> list[Film]:
        with translated():
            found = self._films.find({"$and": conditions}, sort=_BY_TITLE, limit=limit)
            return [read_film(document) async for document in found]


def _by_ids(movie_ids: Iterable[str]) -> Document:
    return {"_id": {"$in": sorted(set(movie_ids))}}


def _having(words: Sequence[str]) -> list[Document]:
    *whole, last = words
    beginning = {"$elemMatch": {"$gte": last, "$lt": last + _AFTER_WORDS}}
    return [*({"title_words": word} for word in whole), {"title_words": beginning}]


def _behind(place: Place | None) -> list[Document]:
    if place is None:
        return []
    title, movie_id = place
    same_title = {"normalized_title": title, "_id": {"$gt": movie_id}}
    return [{"$or": [{"normalized_title": {"$gt": title}}, same_title]}]
