"""What is new in the outbox, as it is committed: a change stream that can be resumed where it was saved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.change_stream import CollectionChangeStream

from cinematch.adapters.mongodb_client import Document, SyncDatabase
from cinematch.adapters.mongodb_resume_place import ResumePlace, Token, majority_time
from cinematch.contracts.collections import OUTBOX, OUTBOX_RELAY
from cinematch.contracts.event_codec import from_document
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable

AWAIT_MS: Final = 200
PACE_SECONDS: Final = 0.02
"""The shortest time between two calls that give events: a call, and the request to Kafka that follows it, costs as much
for one event as for many. An event that comes alone is given at once."""
_FETCH_EVENTS: Final = 1_000
_RESUME_TOKEN: Final = "resume_token"  # noqa: S105 - the name of a field
_INSERTS: Final[list[Document]] = [{"$match": {"operationType": "insert"}}, {"$project": {"fullDocument": True}}]


class OutboxFeed:
    """An open feed. Every call may raise StoreUnavailable; the feed has ended then."""

    def __init__(self, stream: CollectionChangeStream[Document], place: ResumePlace) -> None:
        self._stream = stream
        self._place = place
        self._saved: Token | None = None
        self._next_call_at = time.monotonic()

    def next(self) -> Event | None:
        """Give the next event; None when there is none for AWAIT_MS."""
        with self._place.guarded():
            change = self._next_change()
        if change is None and not self._stream.alive:
            self._place.forget()  # of a collection that was dropped every stream would end at the same place
            raise StoreUnavailable("mongodb", "the change stream of the outbox has ended")
        return None if change is None else from_document(change["fullDocument"])

    def _next_change(self) -> Document | None:
        if self._stream._cursor._has_next():  # came with the last call; the driver has no public word for it
            return self._stream.try_next()
        time.sleep(max(0.0, self._next_call_at - time.monotonic()))
        change = self._stream.try_next()
        if change is not None:
            self._next_call_at = time.monotonic() + PACE_SECONDS
        return change

    def save(self) -> None:
        """Let the next feed begin behind the last event that this one gave."""
        token = self._stream.resume_token
        if token is not None and token != self._saved:
            self._place.save(token)
            self._saved = token


@contextmanager
def open_feed(database: SyncDatabase) -> Iterator[OutboxFeed]:
    """Open the feed at the saved place, or, where there is none, behind what a majority has by now.

    A place that the server does not accept (the oplog no longer reaches back to it) is forgotten. What was written
    before a feed's beginning is to be found by `Outbox.unpublished`, read after the feed was opened: then nothing falls
    between, for that reads what a majority has. Raises StoreUnavailable.
    """
    place = ResumePlace(database, OUTBOX_RELAY, _RESUME_TOKEN)
    with place.guarded():
        token = place.saved()
        stream = database[OUTBOX].watch(
            _INSERTS,
            resume_after=token,
            start_at_operation_time=majority_time(database) if token is None else None,
            max_await_time_ms=AWAIT_MS,
            batch_size=_FETCH_EVENTS,
        )
    with stream:
        yield OutboxFeed(stream, place)
