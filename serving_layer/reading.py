"""The case table of a read: how a boundary and the speed view's snapshot of one user fit together. Pure.

`boundary` is the last sequence that the slower view contains (a batch document's `as_of_sequence`). The speed view
holds the events in (base_sequence, last_sequence]. At every instant `base_sequence <= boundary`, for a publication
moves the boundary up before the speed view advances, and a rollback restores the tail before the boundary moves down.
A read looks at the two stores at two instants, so it may still meet `base_sequence > boundary`; then it reads both
again, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.domain.totals import Totals
from serving_layer.counters import delta_of_snapshot, delta_of_tail


@dataclass(frozen=True, slots=True)
class BoundaryOnly:
    """Nothing lies after the boundary: the slower view is the answer."""


@dataclass(frozen=True, slots=True)
class DeltaAtBoundary:
    """The speed view starts exactly at the boundary: its counters are the delta, its tail the events."""

    snapshot: SpeedSnapshot

    @property
    def tail(self) -> tuple[Event, ...]:
        """Give the events after the boundary: all that the snapshot holds."""
        return self.snapshot.tail


@dataclass(frozen=True, slots=True)
class TailAfterBoundary:
    """The speed view starts before the boundary: only the tail after it counts, the counters hold too much."""

    tail: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class BoundaryBehind:
    """The speed view starts after the boundary: the slower view was read too early, or events are lost."""


@dataclass(frozen=True, slots=True)
class SpeedViewBroken:
    """The tail is not exactly boundary+1 .. last_sequence, or not what the counters say: events are lost."""


Reading = BoundaryOnly | DeltaAtBoundary | TailAfterBoundary | BoundaryBehind | SpeedViewBroken


def reading(boundary: int, snapshot: SpeedSnapshot | None) -> Reading:
    """Say how the two views of one user are to be joined. Never counts an event twice, never steps over one."""
    if snapshot is None or snapshot.last_sequence <= boundary:
        return BoundaryOnly()
    if snapshot.base_sequence > boundary:
        return BoundaryBehind()
    tail = snapshot.after(boundary)
    if not _covers(tail, boundary, snapshot.last_sequence):
        return SpeedViewBroken()
    if snapshot.base_sequence < boundary:
        return TailAfterBoundary(tail)
    return DeltaAtBoundary(snapshot) if delta_of_snapshot(snapshot) == _counted(tail) else SpeedViewBroken()


def _covers(tail: tuple[Event, ...], boundary: int, last_sequence: int) -> bool:
    return [event.sequence for event in tail] == list(range(boundary + 1, last_sequence + 1))


def _counted(tail: tuple[Event, ...]) -> Totals:
    """Give what Redis counts of a tail: no histogram."""
    counted = delta_of_tail(tail)
    counted.histogram = {}
    return counted
