"""A store full of users: batch documents of real shape, sequences, and some pending events each.

A hundred invented users are computed by our own functions, with lists as long as Zipf's law has them; all others are
copies of these under their own names, for computing a hundred thousand would take longer than measuring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count, islice
from typing import Final

import uuid6

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_generations import MongoGenerations, encode
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.contracts.batch_document import DOCUMENT_VERSION, batch_document
from cinematch.contracts.collections import USER_SEQUENCES
from cinematch.contracts.generations import GenerationState, list_chunks
from cinematch.contracts.speed_view import SpeedView
from cinematch.domain.changes import Stamp, effective_events
from cinematch.domain.events import Event
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from ingestion.seeding.catalog import invented_catalog
from ingestion.seeding.loading import DataSet

SEED: Final = 1
NOW: Final = datetime(2026, 1, 19, tzinfo=UTC)
TEMPLATES: Final = 100
FILMS_A_USER: Final = 10
"""In the mean; the busiest of the hundred has about a hundred."""
PENDING: Final = 3
"""Events of each user after the published boundary."""
AT_ONCE: Final = 2_000
_PLACEHOLDER: Final = "user-0000000"


def user_name(number: int) -> str:
    """Name a user; all names have one length, so a copy is a document of the same size."""
    return f"user-{number:07d}"


@dataclass(frozen=True, slots=True)
class Template:
    """One computed user: documents at two boundaries, one event apart, with the whole lists, and the events after."""

    documents: tuple[bytes, bytes]
    chunks: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    boundary: int
    tail: tuple[Event, ...]

    def document(self, number: int, user: int) -> bytes:
        """Give the document of generation `number` (1 or 2) under a user's name."""
        return _renamed(self.documents[number - 1], user)

    def whole_list(self, number: int, user: int) -> list[bytes]:
        """Give the whole list of generation `number` under a user's name."""
        return [_renamed(chunk, user) for chunk in self.chunks[number - 1]]

    def tail_of(self, user: int) -> list[Event]:
        """Give the pending events under a user's name."""
        return [replace(event, user_id=user_name(user)) for event in self.tail]


@lru_cache
def templates() -> tuple[Template, ...]:
    """Compute the hundred users."""
    data = DataSet(seed=SEED, users=TEMPLATES, events=TEMPLATES * (FILMS_A_USER + PENDING), until=NOW)
    return tuple(_template(data, place, length) for place, length in enumerate(data.lengths()))


def load_catalog(database: SyncDatabase) -> None:
    """Create collections and indexes, and load the invented films, as no import has changed them since.

    For what an import refreshes after the batch is not merged, but folded from the whole list.
    """
    ensure_schema(database)
    CatalogWriter(database).add_missing(invented_catalog(SEED))


def load_users(database: SyncDatabase, view: SpeedView, users: int) -> MongoGenerations:
    """Load users with generation 1 published and generation 2 ready: one event further for everybody."""
    generations = MongoGenerations(database)
    for number in (1, 2):
        generations.create("benchmark", NOW, None, None)
        for group in _groups(users):
            lists = [chunk for user, template in group for chunk in template.whole_list(number, user)]
            generations.write_encoded(number, [template.document(number, user) for user, template in group], lists)
        generations.update(number, state=GenerationState.READY.value, users=users, document_version=DOCUMENT_VERSION)
    for group in _groups(users):
        issued = [{"_id": user_name(user), "sequence": it.boundary + len(it.tail)} for user, it in group]
        database[USER_SEQUENCES].insert_many(issued, ordered=False)
        view.apply({user_name(user): it.tail_of(user) for user, it in group})
    generations.publish(1, NOW)
    return generations


def _groups(users: int) -> Iterator[list[tuple[int, Template]]]:
    made = templates()
    for start in range(0, users, AT_ONCE):
        yield [(user, made[user % TEMPLATES]) for user in range(start, min(start + AT_ONCE, users))]


def _template(data: DataSet, place: int, length: int) -> Template:
    films = {film.movie_id: film for film in invented_catalog(data.seed)}
    stamps = (Stamp(str(uuid6.uuid7()), number, NOW + timedelta(seconds=30 * number)) for number in count(1))
    changes = islice(data.changes(place, length), length)
    events = effective_events(_PLACEHOLDER, changes, {}, stamps)
    boundary = max(len(events) - PENDING, 0)
    lists = [replay(events[: boundary + more]) for more in (0, 1)]
    documents = [
        encode(batch_document(_PLACEHOLDER, summarise(it, films), number, NOW))
        for number, it in enumerate(lists, start=1)
    ]
    first, second = (tuple(map(encode, list_chunks(_PLACEHOLDER, it))) for it in lists)
    return Template((documents[0], documents[1]), (first, second), boundary, tuple(events[boundary:]))


def _renamed(document: bytes, user: int) -> bytes:
    return document.replace(_PLACEHOLDER.encode(), user_name(user).encode())
