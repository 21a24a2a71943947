"""A copy of all that is held of one user, from every store.

Everything is read before the first byte is given, so an answer never ends in the middle because a store went away.

Left out, for it says nothing that is not there: whole lists and states of generations (the list, of a night), cached
answers (the statistics, of a moment ago), Kafka's records (the events), how far the trends have counted and which
repair is asked for (a number and a time), and the report of an earlier erasure, which has an address of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol

import orjson

from cinematch.adapters.mongodb_personal_data import PersonalData
from cinematch.contracts import dead_letter
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.event_codec import to_document
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.domain.watchlist import in_sequence
from cinematch.errors import DamagedView, UserNotFound

DAMAGED: Final = "the speed view: it is damaged, and is made anew"


class KeptEvents(Protocol):
    """The outbox, the lake."""

    def kept_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give those of a user's events after `sequence` that are there."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a user's data is read; every call raises StoreUnavailable."""

    mongodb: PersonalData
    events: Sequence[KeptEvents]
    letters_under: Callable[[bytes], list[DeadLetter]]
    speed_view_of: Callable[[str], SpeedSnapshot | None]


class Export:
    """Writes exports."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def of(self, user_id: str) -> Iterator[bytes]:
        """Read all of a user, then give it as JSON, piece by piece.

        {user_id, sequence, list, statistics, speed_view, kept_answers, dead_letters, events, missing, complete}.
        events: from the first after the user's last erasure on, in order. missing: what ought to be there and is stored
        nowhere any more, or cannot be read; `complete` says that there is nothing of that kind. Raises UserNotFound for
        a user without a counter (never there, or erased), StoreUnavailable: both before the first piece.
        """
        counter = self._sources.mongodb.counter(user_id)
        if counter is None:
            raise UserNotFound(f"there is no user {user_id!r}")
        sequence, floor = counter["sequence"], counter.get("floor", 0)
        events = in_sequence(chain.from_iterable(it.kept_after(user_id, floor) for it in self._sources.events))
        speed_view, damage = self._speed_view(user_id)
        missing = [*_missing(events, floor, sequence), *damage]
        members: dict[str, Any] = {
            "user_id": user_id,
            "sequence": sequence,
            "list": self._sources.mongodb.movies(user_id),
            "statistics": self._sources.mongodb.statistics(user_id),
            "speed_view": speed_view,
            "kept_answers": self._sources.mongodb.kept_answers(user_id),
            "dead_letters": [_letter(it) for it in self._sources.letters_under(user_id.encode())],
            "events": events,
            "missing": missing,
            "complete": not missing,
        }
        return _pieces(members)

    def _speed_view(self, user_id: str) -> tuple[dict[str, Any] | None, list[str]]:
        """Give the view without its tail, whose events are among the events; and what is wrong with it."""
        try:
            snapshot = self._sources.speed_view_of(user_id)
        except DamagedView:
            return None, [DAMAGED]
        if snapshot is None:
            return None, []
        counters = {name: getattr(snapshot, name) for name in SpeedSnapshot.__dataclass_fields__ if name != "tail"}
        return counters, []


def _missing(events: Iterable[Event], floor: int, sequence: int) -> list[str]:
    missing = sorted(set(range(floor + 1, sequence + 1)) - {event.sequence for event in events})
    if not missing:
        return []
    return [f"{len(missing)} events of {floor + 1} to {sequence}, the first of them {missing[0]}: stored nowhere"]


def _letter(letter: DeadLetter) -> Any:
    return orjson.loads(dead_letter.encode(letter))


def _pieces(members: dict[str, Any]) -> Iterator[bytes]:
    """Give one member after the other; the events one by one."""
    separator = b"{"
    for name, value in members.items():
        yield separator + _json(name) + b":"
        yield from _array(map(to_document, value)) if name == "events" else (_json(value),)
        separator = b","
    yield b"}\n"


def _array(items: Iterable[Any]) -> Iterator[bytes]:
    separator = b"["
    for item in items:
        yield separator + _json(item)
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
