"""What a group of changes of one user reads and writes: the part of the watchlists that needs no connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uuid6
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from cinematch.adapters.mongodb_client import Document
from cinematch.contracts.event_codec import to_document
from cinematch.contracts.movie_document import movie_document, read_movie
from cinematch.domain.changes import Change, Stamp, effective_events
from cinematch.domain.events import Event, EventType
from cinematch.tracing import TRACEPARENT, current_trace

Write = InsertOne[Document] | UpdateOne | DeleteOne

TRANSACTION: dict[str, Any] = {
    "read_concern": ReadConcern("snapshot"),
    "write_concern": WriteConcern("majority", j=True),
}
"""The guarantees of a transaction: it sees one state, and what it acknowledged is on the disks of a majority."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group of changes: the events of the effective ones, and the user's last sequence after them."""

    events: tuple[Event, ...]
    sequence: int

    @property
    def event(self) -> Event | None:
        """The event of a single change; None when it changed nothing."""
        return self.events[0] if self.events else None


def entries_of(user_id: str, changes: Iterable[Change]) -> Document:
    """Give the condition that finds the current entries of all films that the changes speak of."""
    return {"user_id": user_id, "movie_id": {"$in": sorted({change.movie_id for change in changes})}}


def planned(user_id: str, changes: Sequence[Change], issued: Document | None, documents: Iterable[Document]) -> Outcome:
    """Decide which changes take effect, given the user's sequence document and current entries."""
    entries = {document["movie_id"]: read_movie(document) for document in documents}
    sequence = issued["sequence"] if issued else 0
    events = effective_events(user_id, changes, entries, _stamps(sequence))
    return Outcome(tuple(events), sequence + len(events))


def first_of(user_id: str, floor: int) -> Document:
    """Give the counter of a user who has none: after an erasure it goes on from the floor, which it remembers."""
    return {"_id": user_id, "sequence": floor} | ({"floor": floor} if floor else {})


def movie_writes(events: Iterable[Event]) -> list[Write]:
    """Give the writes that bring the list to where the events leave it, in their order."""
    return [_movie_write(event) for event in events]


def outbox_documents(events: Iterable[Event]) -> list[Document]:
    """Give the events as the outbox keeps them, not yet published, with the trace of the request that made them."""
    trace = current_trace()
    origin = {} if trace is None else {TRACEPARENT: str(trace)}
    return [{"_id": event.event_id, **to_document(event), "published_at": None, **origin} for event in events]


def _movie_write(event: Event) -> Write:
    entry = {"user_id": event.user_id, "movie_id": event.movie_id}
    match event.event_type:
        case EventType.ADD:
            return InsertOne(movie_document(event))
        case EventType.UPDATE:
            return UpdateOne(entry, {"$set": {"rating": event.rating, "sequence": event.sequence}})
        case EventType.DELETE:
            return DeleteOne(entry)


def _stamps(sequence: int) -> Iterator[Stamp]:
    """Give the stamps after `sequence`, all of one moment, without end."""
    now = datetime.now(UTC)
    while True:
        sequence += 1
        yield Stamp(str(uuid6.uuid7()), sequence, now)
