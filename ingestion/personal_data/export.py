"""A copy of all that is held of one user: list, events, and the statistics as each view has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_personal_data import PersonalData
from cinematch.contracts.event_codec import to_document
from cinematch.contracts.speed_view import EventHistory
from cinematch.errors import UserNotFound

EVENTS_AT_ONCE: Final = 1_000


class Export:
    """Writes exports. Every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase, history: EventHistory) -> None:
        self._data = PersonalData(database)
        self._history = history

    def check(self, user_id: str) -> None:
        """Raise UserNotFound for a user without a counter: never there, or erased."""
        if self._data.counter(user_id) is None:
            raise UserNotFound(f"there is no user {user_id!r}")

    def parts(self, user_id: str) -> Iterator[bytes]:
        """Give the export as JSON, piece by piece: {user_id, sequence, list, statistics, events}.

        events: from the first after the user's last erasure on, in order, as far as outbox and lake have them.
        """
        counter = self._data.counter(user_id) or {"sequence": 0}
        yield b'{"user_id":' + _json(user_id) + b',"sequence":' + _json(counter["sequence"]) + b',"list":'
        yield from _array(self._data.movies(user_id))
        yield b',"statistics":' + _json(self._data.statistics(user_id)) + b',"events":'
        events = self._history.events_after(user_id, counter.get("floor", 0))
        yield from _array(to_document(event) for event in events)
        yield b"}\n"


def _array(items: Iterator[Any]) -> Iterator[bytes]:
    separator = b"["
    for item in items:
        yield separator + _json(item)
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
