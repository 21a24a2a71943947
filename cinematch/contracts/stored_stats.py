"""What the serving layer reads of one user from a statistics view, in MongoDB or in its cache."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cinematch.domain.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Stored:
    """One user's document of a view (None: the view has none yet), and the last sequence issued (0: no event ever)."""

    document: dict[str, Any] | None
    latest_sequence: int


@dataclass(frozen=True, slots=True)
class CachedStats:
    """One user's `user_stats` as the cache keeps them; `token` tells one recomputation from another."""

    stats: Statistics
    sequence: int
    last_updated: datetime | None
    token: str
