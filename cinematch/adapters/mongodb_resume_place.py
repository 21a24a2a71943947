"""Where a change stream goes on after a restart: its resume token, kept in MongoDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bson import Timestamp
from pymongo.errors import OperationFailure

from cinematch.adapters.mongodb_client import SyncDatabase, translated

Token = Mapping[str, Any]


class ResumePlace:
    """The saved place `name` in a collection of such places."""

    def __init__(self, database: SyncDatabase, collection: str, name: str) -> None:
        self._places = database[collection]
        self._name = name

    def saved(self) -> Token | None:
        """Give the token; None where there is none, or the last one was forgotten. Raises StoreUnavailable."""
        with translated():
            place = self._places.find_one({"_id": self._name})
        return place["token"] if place else None

    def save(self, token: Token) -> None:
        """Keep a token. Raises StoreUnavailable."""
        place = {"$set": {"token": token, "saved_at": datetime.now(UTC)}}
        with translated():
            self._places.update_one({"_id": self._name}, place, upsert=True)

    def forget(self) -> None:
        """Have the next stream begin anew. Raises StoreUnavailable."""
        with translated():
            self._places.delete_one({"_id": self._name})

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Translate errors; forget the place when the server refuses to read on, for that may be the reason."""
        with translated():
            try:
                yield
            except OperationFailure:
                self._places.delete_one({"_id": self._name})
                raise


def majority_time(database: SyncDatabase) -> Timestamp:
    """Give the time of the last write that a majority has: earlier than this moment, by what is still on its way."""
    time: Timestamp = database.command("hello")["lastWrite"]["majorityOpTime"]["ts"]
    return time
