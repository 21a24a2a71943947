"""The film catalog in MongoDB: films by id and by title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pymongo import ASCENDING

from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document, SyncDatabase, translated
from cinematch.contracts.catalog_document import read_film
from cinematch.contracts.collections import CATALOG
from cinematch.domain.titles import normalize_title
from cinematch.domain.watchlist import Film

_AFTER_WORDS: Final = "{"
"""Sorts right after every letter, digit and space of a normalised title: the end of a range of prefixes."""
_BY_TITLE: Final = [("normalized_title", ASCENDING), ("_id", ASCENDING)]


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
        return await self._found({"normalized_title": normalized}, limit) if normalized else []

    async def search(self, text: str, limit: int) -> list[Film]:
        """Give films by title: first those whose title begins with `text`, then those that have all its words.

        The last word may be the beginning of one. Normalised both; each group by title, then by id. Served from
        indexes, for `text` is only ever compared, never a pattern. None for a text without any word.
        """
        words = normalize_title(text).split()
        if not words:
            return []
        prefix = " ".join(words)
        found = await self._found({"normalized_title": {"$gte": prefix, "$lt": prefix + _AFTER_WORDS}}, limit)
        if len(found) == limit:
            return found
        known = {film.movie_id for film in found}
        others = await self._found(_having(words), limit)
        return (found + [film for film in others if film.movie_id not in known])[:limit]

    async def _found(self, condition: Document, limit: int) -> list[Film]:
        with translated():
            return [read_film(document) async for document in self._films.find(condition, sort=_BY_TITLE, limit=limit)]


def _by_ids(movie_ids: Iterable[str]) -> Document:
    return {"_id": {"$in": sorted(set(movie_ids))}}


def _having(words: Sequence[str]) -> Document:
    *whole, last = words
    conditions: list[Document] = [{"title_words": word} for word in whole]
    conditions.append({"title_words": {"$elemMatch": {"$gte": last, "$lt": last + _AFTER_WORDS}}})
    return {"$and": conditions}
