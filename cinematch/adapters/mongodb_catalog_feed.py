"""Which films of the catalog were changed, as it is committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cinematch.adapters.mongodb_client import Document, SyncDatabase
from cinematch.adapters.mongodb_resume_place import ResumePlace
from cinematch.adapters.mongodb_resumed_stream import ResumedStream, resumed_stream
from cinematch.contracts.collections import CATALOG, MICRO_BATCH_PLACES

AWAIT_MS: Final = 500
FILMS_AT_ONCE: Final = 10_000
"""An import of a whole catalog is followed in steps of so many films."""
_CHANGES: Final[list[Document]] = [
    {"$match": {"operationType": {"$in": ["insert", "update", "replace", "delete"]}}},
    {"$project": {"documentKey": True}},
]


class CatalogFeed:
    """An open feed; `is_resumed`: it goes on where it was saved, and so has missed nothing since then.

    Every call may raise StoreUnavailable; the feed has ended then.
    """

    def __init__(self, stream: ResumedStream) -> None:
        self.is_resumed = stream.is_resumed
        self._stream = stream

    def changed_films(self) -> set[str]:
        """Give the ids of films that were changed, as many as come without a pause; none after AWAIT_MS."""
        changed: set[str] = set()
        while len(changed) < FILMS_AT_ONCE and (change := self._stream.try_next()) is not None:
            changed.add(str(change["documentKey"]["_id"]))
        return changed

    def save(self) -> None:
        """Let the next feed begin behind the last film that this one gave."""
        self._stream.save()


@contextmanager
def open_catalog_feed(database: SyncDatabase, follower: str) -> Iterator[CatalogFeed]:
    """Open the feed of `follower`; see `resumed_stream`."""
    place = ResumePlace(database, MICRO_BATCH_PLACES, follower)
    with resumed_stream(database, CATALOG, _CHANGES, place, await_ms=AWAIT_MS) as stream:
        yield CatalogFeed(stream)
