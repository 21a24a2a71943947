"""Which films of the catalog were changed, as it is committed: a change stream that goes on where it was saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.change_stream import CollectionChangeStream

from cinematch.adapters.mongodb_client import Document, SyncDatabase
from cinematch.adapters.mongodb_resume_place import ResumePlace, majority_time
from cinematch.contracts.collections import CATALOG, MICRO_BATCH_PLACES
from cinematch.errors import StoreUnavailable

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

    def __init__(self, stream: CollectionChangeStream[Document], place: ResumePlace, *, is_resumed: bool) -> None:
        self.is_resumed = is_resumed
        self._stream = stream
        self._place = place

    def changed_films(self) -> set[str]:
        """Give the ids of films that were changed, as many as come without a pause; none after AWAIT_MS."""
        changed: set[str] = set()
        while len(changed) < FILMS_AT_ONCE and (film := self._next()) is not None:
            changed.add(film)
        return changed

    def save(self) -> None:
        """Let the next feed begin behind the last film that this one gave."""
        token = self._stream.resume_token
        if token is not None:
            self._place.save(token)

    def _next(self) -> str | None:
        with self._place.guarded():
            change = self._stream.try_next()
        if change is None and not self._stream.alive:
            self._place.forget()  # of a collection that was dropped every stream would end at the same place
            raise StoreUnavailable("mongodb", "the change stream of the catalog has ended")
        return None if change is None else str(change["documentKey"]["_id"])


@contextmanager
def open_catalog_feed(database: SyncDatabase, follower: str) -> Iterator[CatalogFeed]:
    """Open the feed of `follower` at its saved place, or, where there is none, behind what a majority has by now.

    A place that the server does not accept (the oplog no longer reaches back to it) is forgotten. Raises
    StoreUnavailable.
    """
    place = ResumePlace(database, MICRO_BATCH_PLACES, follower)
    with place.guarded():
        token = place.saved()
        stream = database[CATALOG].watch(
            _CHANGES,
            resume_after=token,
            start_at_operation_time=majority_time(database) if token is None else None,
            max_await_time_ms=AWAIT_MS,
        )
    with stream:
        yield CatalogFeed(stream, place, is_resumed=token is not None)
