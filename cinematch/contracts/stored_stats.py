"""What the serving layer reads of one user from a statistics view, in MongoDB or in its cache."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cinematch.domain.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Stored:
    """One user's document of a view (None: the view has none yet), and the last sequence issued (0: no event ever).

    floor: up to which the user was erased; the list was empty then, and a document that reaches no further is none.
    """

    document: dict[str, Any] | None
    latest_sequence: int
    floor: int = 0


@dataclass(frozen=True, slots=True)
class CachedStats:
    """One user's `user_stats` as the cache keeps them; `token` tells one recomputation from another."""

    stats: Statistics
    sequence: int
    last_updated: datetime | None
    token: str


def stored(document: dict[str, Any] | None, latest_sequence: int, floor: int) -> Stored:
    """Give what was read of a user; a document from before an erasure is left out."""
    reach = document.get("sequence", document.get("as_of_sequence", 0)) if document else 0
    return Stored(document if reach > floor else None, latest_sequence, floor)
