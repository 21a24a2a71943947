"""A change stream that goes on where it was saved, so that what follows it misses nothing while it is away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bson import Timestamp
from pymongo.change_stream import CollectionChangeStream
from pymongo.errors import OperationFailure

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.adapters.mongodb_resume_place import ResumePlace, Token
from cinematch.errors import StoreUnavailable


class ResumedStream:
    """An open stream; `is_resumed`: it goes on where it was saved, and so has missed nothing since then.

    Every call may raise StoreUnavailable; the stream has ended then.
    """

    def __init__(
        self, stream: CollectionChangeStream[Document], name: str, place: ResumePlace, saved: Token | None
    ) -> None:
        self.is_resumed = saved is not None
        self._stream = stream
        self._name = name
        self._place = place
        self._saved = saved

    @property
    def has_next(self) -> bool:
        """Whether a change is here already, for it came together with the one before."""
        return self._stream._cursor._has_next()  # the driver has no public word for it

    def try_next(self) -> Document | None:
        """Give the next change; None when there is none for as long as a call may wait."""
        with _forgotten_if_refused(self._place):
            change = self._stream.try_next()
        if change is None and not self._stream.alive:
            self._place.forget()  # of a collection that was dropped every stream would end at the same place
            raise StoreUnavailable("mongodb", f"the change stream of {self._name} has ended")
        return change

    def save(self) -> None:
        """Let the next stream begin behind the last change that this one gave."""
        token = self._stream.resume_token
        if token is not None and token != self._saved:
            self._place.save(token)
            self._saved = token


@contextmanager
def resumed_stream(
    database: SyncDatabase,
    collection: str,
    pipeline: Sequence[Document],
    place: ResumePlace,
    *,
    await_ms: int,
    batch_size: int | None = None,
) -> Iterator[ResumedStream]:
    """Open the stream at its saved place, or, where there is none, behind what a majority has by now.

    A place that the server does not accept (the oplog no longer reaches back to it) is forgotten. Raises
    StoreUnavailable.
    """
    with _forgotten_if_refused(place):
        token = place.saved()
        stream = database[collection].watch(
            pipeline,
            resume_after=token,
            start_at_operation_time=_majority_time(database) if token is None else None,
            max_await_time_ms=await_ms,
            batch_size=batch_size,
        )
    with stream:
        yield ResumedStream(stream, collection, place, token)


@contextmanager
def _forgotten_if_refused(place: ResumePlace) -> Iterator[None]:
    """Translate errors; forget the place when the server refuses to read on, for that may be the reason."""
    with translated():
        try:
            yield
        except OperationFailure:
            place.forget()
            raise


def _majority_time(database: SyncDatabase) -> Timestamp:
    """Give the time of the last write that a majority has: earlier than this moment, by what is still on its way."""
    time: Timestamp = database.command("hello")["lastWrite"]["majorityOpTime"]["ts"]
    return time
