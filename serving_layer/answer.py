"""What every mode hands to the service, and what the service answers: statistics and how far they reach."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NamedTuple

from cinematch.domain.statistics import Statistics, statistics
from cinematch.domain.summary import Summary
from cinematch.domain.totals import Totals
from cinematch.settings import StatsMode


@dataclass(frozen=True, slots=True)
class Freshness:
    """What an answer covers; sequences are the user's own event counter.

    - batch_generation: the published generation that was read; None when none was (another mode, no document yet)
    - as_of_sequence: how far the slower view (batch document, or `user_stats`) reaches
    - applied_sequence: every figure contains exactly the events up to here (mode `incremental`: at least these, its
      live counters may be ahead)
    - latest_sequence: the last event issued to the user when MongoDB was read; applied_sequence when that is later
    - complete: no event up to latest_sequence is missing, and every view that the mode needs could be read
    """

    mode: StatsMode
    batch_generation: int | None
    as_of_sequence: int
    applied_sequence: int
    latest_sequence: int
    complete: bool

    def document(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {name: getattr(self, name) for name in _COVERS}


_COVERS: Final = tuple(field.name for field in fields(Freshness))


class LiveCounters(NamedTuple):
    """The exact counters at the boundary, and what the speed view adds to them; people and minutes are not in them."""

    boundary: Totals
    delta: Totals


@dataclass(frozen=True, slots=True)
class UserView:
    """One user as a mode sees them; `live`, when given, takes the place of the counters in `stats`.

    `met`: how the two views met (mode `lambda`), in the words of the metric `MERGES`.
    """

    user_id: str
    stats: Statistics
    freshness: Freshness
    last_updated: datetime | None = None
    batch_updated_at: datetime | None = None
    realtime_delta_count: int = 0
    live: LiveCounters | None = None
    met: str | None = None

    def document(self) -> dict[str, Any]:
        """Give the flat answer of GET /stats."""
        return {
            "user_id": self.user_id,
            **self.stats,
            "last_updated": self.last_updated,
            "batch_updated_at": self.batch_updated_at,
            "realtime_delta_count": self.realtime_delta_count,
            "freshness": self.freshness.document(),
        }


def freshness(
    mode: StatsMode,
    *,
    as_of: int,
    applied: int,
    latest: int,
    generation: int | None = None,
    readable: bool = True,
) -> Freshness:
    """State what an answer covers; `readable` is False when a view that the mode needs failed or has lost events."""
    issued = max(latest, applied)
    complete = readable and issued == applied
    return Freshness(mode, generation, as_of, applied, issued, complete)


def no_statistics() -> Statistics:
    """Give the statistics of an empty list."""
    return statistics(Summary())
