"""Generations of the batch view in MongoDB: collections `user_stats_batch_g000042`, `user_movies_batch_g000042`, their
records, and the view `user_stats_batch` whose target is what is published (see contracts/generations.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, CollectionInvalid, DuplicateKeyError

from cinematch.adapters.mongodb_client import only_duplicates, translated
from cinematch.contracts.batch_document import read_entry
from cinematch.contracts.collections import (
    BATCH_GENERATIONS,
    USER_STATS_BATCH,
    user_movies_generation,
    user_stats_generation,
)
from cinematch.contracts.generations import Document, Generation, GenerationState
from cinematch.domain.watchlist import ListEntry
from cinematch.errors import Conflict, NotFound

_GENERATION_COLLECTION: Final = re.compile(r"user_(?:stats|movies)_batch_g(\d{6,})")
_COMPUTED: Final = ("number", "is_published")
PUBLISHED_VIEW: Final = {"name": USER_STATS_BATCH, "type": "view"}
"""Finds the view that is the batch view in a listing of collections."""


class GenerationNotFound(NotFound):
    """There is no generation of this number."""

    field = "generation"


class MongoGenerations:
    """Generations over a database of `mongodb_client.connect`; see the protocol `Generations`."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._records = self._database[BATCH_GENERATIONS]

    def create(self, owner: str, started_at: datetime, base: int | None, as_of: datetime | None) -> Generation:
        with translated():
            generation = self._record_next(owner, started_at, base, as_of)
            self._database.create_collection(user_stats_generation(generation.number))
            movies = self._database.create_collection(user_movies_generation(generation.number))
            movies.create_index([("user_id", ASCENDING), ("chunk", ASCENDING)], unique=True)
            return generation

    def _record_next(self, owner: str, started_at: datetime, base: int | None, as_of: datetime | None) -> Generation:
        """Take the next number, also when somebody else takes one at the same time.

        It is one beyond all collections, too: those of records that are no more stay when a backup is put back.
        """
        while True:
            newest = self._records.find_one(sort=[("_id", DESCENDING)], projection=["_id"])
            number = max([newest["_id"] if newest else 0, *self.stored()]) + 1
            generation = Generation(number, GenerationState.BUILDING, owner, started_at, base, as_of)
            with suppress(DuplicateKeyError):
                self._records.insert_one(_to_record(generation))
                return generation

    def write(self, number: int, documents: Sequence[Document], chunks: Sequence[Document]) -> None:
        with translated():
            _insert(self._stats(number), documents)
            _insert(self._movies(number), chunks)

    def write_encoded(self, number: int, documents: Sequence[bytes], chunks: Sequence[bytes]) -> None:
        """Do what `write` does with documents that `encode` gave."""
        self.write(number, _raw(documents), _raw(chunks))

    def carry_over(self, base: int, number: int, updated_at: datetime) -> None:
        """Copy inside the server; the indexes of `number` stay."""
        renewed = {"$set": {"generation": number, "updated_at": updated_at}}
        with translated():
            self._stats(base).aggregate([renewed, {"$out": user_stats_generation(number)}])
            self._movies(base).aggregate([{"$out": user_movies_generation(number)}])

    def remove(self, number: int, user_ids: Sequence[str]) -> None:
        with translated():
            self._stats(number).delete_many({"_id": {"$in": list(user_ids)}})
            self._movies(number).delete_many({"user_id": {"$in": list(user_ids)}})

    def update(self, number: int, **fields: Any) -> None:
        with translated():
            self._records.update_one({"_id": number}, {"$set": fields})

    def publish(self, number: int, now: datetime) -> None:
        with translated():
            replaced = self._target()
            self._point_view_to(number)  # the commit point; what follows only tells the story
            if replaced not in (None, number):
                self._records.update_one({"_id": replaced}, {"$set": {"replaced_at": now}})
            self._records.update_one({"_id": number}, {"$set": {"published_at": now, "replaced_at": None}})

    def published(self) -> Generation | None:
        with translated():
            number = self._target()
        return None if number is None else self.get(number)

    def get(self, number: int) -> Generation:
        with translated():
            record = self._records.find_one({"_id": number})
            if record is None:
                raise GenerationNotFound(f"there is no generation {number}")
            return read_record(record, self._target())

    def all(self) -> list[Generation]:
        with translated():
            target = self._target()
            return [read_record(record, target) for record in self._records.find(sort=[("_id", DESCENDING)])]

    def drop(self, number: int) -> None:
        with translated():
            if self._target() == number:
                raise Conflict(f"generation {number} is published and stays")
            self._stats(number).drop()
            self._movies(number).drop()

    def stored(self) -> set[int]:
        """Give the generations of which any collection exists."""
        with translated():
            names = self._database.list_collection_names()
        return {int(match[1]) for name in names if (match := _GENERATION_COLLECTION.fullmatch(name))}

    def counts(self, number: int) -> tuple[int, int]:
        with translated():
            return self._stats(number).count_documents({}), self._movies(number).count_documents({})

    def boundaries(self, number: int, user_ids: Sequence[str]) -> dict[str, int]:
        with translated():
            found = self._stats(number).find({"_id": {"$in": list(user_ids)}}, {"as_of_sequence": 1})
            return {document["_id"]: document["as_of_sequence"] for document in found}

    def boundary_pages(self, number: int, size: int) -> Iterator[dict[str, int]]:
        page: dict[str, int] = {}
        with translated():
            ordered = self._stats(number).find({}, {"as_of_sequence": 1}, sort=[("_id", ASCENDING)], batch_size=size)
            for document in ordered:
                page[document["_id"]] = document["as_of_sequence"]
                if len(page) == size:
                    yield page
                    page = {}
        if page:
            yield page

    def document(self, user_id: str) -> Document | None:
        with translated():
            return self._database[USER_STATS_BATCH].find_one({"_id": user_id})

    def entries(self, number: int, user_id: str) -> list[ListEntry]:
        with translated():
            chunks = self._movies(number).find({"user_id": user_id}, sort=[("chunk", ASCENDING)])
            return [read_entry(fields) for chunk in chunks for fields in chunk["entries"]]

    def _stats(self, number: int) -> Collection[Document]:
        return self._database[user_stats_generation(number)]

    def _movies(self, number: int) -> Collection[Document]:
        return self._database[user_movies_generation(number)]

    def _target(self) -> int | None:
        """Give the generation that the view points to, from the database's own catalog."""
        return published_number(self._database.list_collections(filter=PUBLISHED_VIEW))

    def _point_view_to(self, number: int) -> None:
        target = user_stats_generation(number)
        try:
            self._database.create_collection(USER_STATS_BATCH, viewOn=target, pipeline=[], check_exists=True)
        except CollectionInvalid:
            self._database.command("collMod", USER_STATS_BATCH, viewOn=target, pipeline=[])


def published_number(views: Iterable[Mapping[str, Any]]) -> int | None:
    """Give the generation that a listing of PUBLISHED_VIEW shows."""
    for view in views:
        match = _GENERATION_COLLECTION.fullmatch(view["options"]["viewOn"])
        return int(match[1]) if match else None
    return None


def encode(document: Document) -> bytes:
    """Give the document as MongoDB stores it: equal documents (fields in equal order) give equal bytes."""
    return bson.encode(document)


def decode(document: bytes) -> Document:
    """Give back the document of `encode`; times are aware."""
    return bson.decode(document, bson.CodecOptions(tz_aware=True))


def _raw(documents: Sequence[bytes]) -> Sequence[Document]:
    return [RawBSONDocument(document) for document in documents]  # type: ignore[misc]  # a mapping, sent as it is


def _insert(collection: Collection[Document], documents: Sequence[Document]) -> None:
    """Insert those that are not there yet: a repeated task brings the same documents again."""
    if not documents:
        return
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if not only_duplicates(error):
            raise
        if error.details.get("writeConcernErrors"):
            raise


def _to_record(generation: Generation) -> Document:
    fields = asdict(generation)
    return {"_id": generation.number, **{name: value for name, value in fields.items() if name not in _COMPUTED}}


def read_record(record: Document, target: int | None) -> Generation:
    """Give back a record; `target` is the published generation."""
    fields = {name: value for name, value in record.items() if name in Generation.__dataclass_fields__}
    generation = Generation(number=record["_id"], **fields)
    return replace(generation, state=GenerationState(generation.state), is_published=generation.number == target)
