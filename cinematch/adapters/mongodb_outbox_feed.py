"""What is new in the outbox, as it is committed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cinematch.adapters.mongodb_client import Document, SyncDatabase
from cinematch.adapters.mongodb_resume_place import ResumePlace
from cinematch.adapters.mongodb_resumed_stream import ResumedStream, resumed_stream
from cinematch.contracts.collections import OUTBOX, OUTBOX_RELAY
from cinematch.contracts.event_codec import from_document
from cinematch.domain.events import Event

AWAIT_MS: Final = 200
PACE_SECONDS: Final = 0.02
"""The shortest time between two calls that give events: a call, and the request to Kafka that follows it, costs as much
for one event as for many. An event that comes alone is given at once."""
_FETCH_EVENTS: Final = 1_000
_RESUME_TOKEN: Final = "resume_token"  # noqa: S105 - the name of a field
_INSERTS: Final[list[Document]] = [{"$match": {"operationType": "insert"}}, {"$project": {"fullDocument": True}}]


class OutboxFeed:
    """An open feed. Every call may raise StoreUnavailable; the feed has ended then."""

    def __init__(self, stream: ResumedStream) -> None:
        self._stream = stream
        self._next_call_at = time.monotonic()

    def next(self) -> Event | None:
        """Give the next event; None when there is none for AWAIT_MS."""
        if self._stream.has_next:
            change = self._stream.try_next()
        else:
            time.sleep(max(0.0, self._next_call_at - time.monotonic()))
            change = self._stream.try_next()
            if change is not None:
                self._next_call_at = time.monotonic() + PACE_SECONDS
        return None if change is None else from_document(change["fullDocument"])

    def save(self) -> None:
        """Let the next feed begin behind the last event that this one gave."""
        self._stream.save()


@contextmanager
def open_feed(database: SyncDatabase) -> Iterator[OutboxFeed]:
    """Open the feed; see `resumed_stream`.

    What was written before a feed's beginning is to be found by `Outbox.unpublished`, read after the feed was opened:
    then nothing falls between, for that reads what a majority has. Raises StoreUnavailable.
    """
    place = ResumePlace(database, OUTBOX_RELAY, _RESUME_TOKEN)
    with resumed_stream(database, OUTBOX, _INSERTS, place, await_ms=AWAIT_MS, batch_size=_FETCH_EVENTS) as stream:
        yield OutboxFeed(stream)
