"""Erasure: a user's history is forgotten up to one of their own sequences, their *floor*.

An erasure begins by removing every film from the list, by events like any others; the last of them has the sequence
that becomes the floor. So a replay of the log up to the floor gives an empty list, and "the list is empty at the floor"
says all that the events up to it say. From then on they are not needed, and every layer removes them: a user's log
begins behind the floor. Later events go on from it: no sequence is ever issued twice, so a copy of an erased event that
still comes along (from Kafka, from a replayed micro-batch) is known for one and dropped.

A tombstone remembers the floor under a digest of the user's id, and nothing else of the user once all layers are done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Erasure:
    """A tombstone with what has been done so far.

    user_id: None once every step is done. steps: by the name of the eraser, what it removed and `done_at`, None while
    something remains. notes: what an eraser must remember from one attempt to the next.
    """

    digest: str
    floor: int
    erased_at: datetime
    user_id: str | None
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None

    @property
    def subject(self) -> str:
        """Give whose history is forgotten. Raises ValueError once every step is done: then nobody knows any more."""
        if self.user_id is None:
            raise ValueError(f"the erasure {self.digest} is done, and its user forgotten")
        return self.user_id

    def is_done(self, step: str) -> bool:
        """Say whether an eraser has nothing left to do."""
        return self.steps.get(step, {}).get("done_at") is not None


@dataclass(frozen=True, slots=True)
class Removed:
    """What one attempt removed, by place. `waits_for`: why the step is not done; None: it is.

    notes: what the next attempt must know.
    """

    counts: Mapping[str, int]
    waits_for: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


class Eraser(Protocol):
    """Removes what one layer holds of a user up to the floor, and nothing behind it. May be repeated and killed."""

    def erase(self, erasure: Erasure) -> Removed:
        """Remove what is there now. Raises StoreUnavailable, Conflict: then it is tried again."""


class Floors(Protocol):
    """Who knows the floors of users."""

    def floors(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Give the floor of those users that have one. Raises StoreUnavailable."""


def user_digest(user_id: str) -> str:
    """Name a user in a tombstone: SHA-256 in hex. Whoever knows an id can look whether it was erased."""
    return hashlib.sha256(user_id.encode()).hexdigest()
