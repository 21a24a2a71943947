"""Where whoever follows something goes on after a restart: a token of its own, kept in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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
        """Begin anew the next time. Raises StoreUnavailable."""
        with translated():
            self._places.delete_one({"_id": self._name})
