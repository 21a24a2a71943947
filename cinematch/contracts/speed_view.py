"""The speed view: what Redis holds of one user, and what the layers that write and read it agree on.

The boundary protocol: the view of a user covers the events in (base_sequence, last_sequence]. `apply` extends it on the
right, one sequence at a time; `advance` cuts it on the left, up to what a published batch already contains. Nothing is
ever reset at a moment in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cinematch.domain.events import Event


@dataclass(frozen=True, slots=True)
class SpeedSnapshot:
    """One user's keys, read in one atomic round trip.

    movie_count, rating_count: signed numbers of films, of rated films; rating_sum_tenths: signed sum of ratings, in
    tenths; genres: genre -> signed films; tail: the events after base_sequence, by sequence.
    """

    base_sequence: int
    last_sequence: int
    movie_count: int = 0
    rating_count: int = 0
    rating_sum_tenths: int = 0
    genres: Mapping[str, int] = field(default_factory=dict)
    tail: tuple[Event, ...] = ()

    def after(self, sequence: int) -> tuple[Event, ...]:
        """Give the tail's events after `sequence`."""
        return tuple(event for event in self.tail if event.sequence > sequence)


@dataclass(frozen=True, slots=True)
class Applied:
    """Outcome of `apply` for one user: events taken in, events already known, and the sequence due where a gap is.

    started_after: the base_sequence with which this call began a view that was not there; None when it was. What lies
    between the published boundary and a base above it is missing, as it is at a gap.
    """

    applied: int
    duplicates: int
    gap_at: int | None = None
    started_after: int | None = None


@dataclass(frozen=True, slots=True)
class DueUser:
    """A user whose view must cover the events after the published `boundary`, up to the last one `issued`."""

    user_id: str
    boundary: int
    issued: int


class SpeedView(Protocol):
    """What a store of the speed view can do; each call is atomic for one user, and raises StoreUnavailable."""

    def apply(self, events: Mapping[str, Sequence[Event]]) -> dict[str, Applied]:
        """Apply events by user, each user's in the order of the log. Repeats change nothing; a gap stops that user.

        A user without keys starts with base_sequence = first sequence - 1.
        """

    def read(self, user_id: str) -> SpeedSnapshot | None:
        """Give the user's snapshot; None when there are no keys."""

    def boundaries(self, user_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Give base_sequence and last_sequence of those users that have keys: a cheap look, without the tails."""

    def advance(self, boundaries: Mapping[str, int]) -> None:
        """Move each user's base_sequence up to the boundary (never beyond last_sequence, never down).

        Removes just those events from the tail and their share from the counters; keys of a user whose tail is empty
        expire after the idle period. May run twice, late or in part.
        """

    def forget(self, floors: Mapping[str, int]) -> int:
        """Forget what these users' views hold up to their floor; give how many views went because nothing was left.

        May run twice, late or in part: it takes away nothing behind the floor.
        """

    def replace(self, user_id: str, base_sequence: int, events: Sequence[Event]) -> None:
        """Put (base_sequence, base_sequence + len(events)] in place of whatever is there: the repair of one user.

        Where the stored view is whole and overlaps or touches it, what that holds beyond either end stays, so a repair
        never takes back an event that was applied meanwhile. All counters are summed again from the tail. Raises
        ValueError when `events` are not exactly the sequences after base_sequence.
        """

    def users(self) -> Iterable[str]:
        """Give the users that have keys, in no order, each at least once (a scan: not a snapshot)."""


class EventHistory(Protocol):
    """A store that still has a user's older events: the outbox or the lake."""

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give the user's events after `sequence`, in order, as far as this store has them without a gap."""


class WholeHistory(Protocol):
    """Every store that still has a user's older events, as one; see cinematch.contracts.event_history."""

    def events_after(self, user_id: str, sequence: int, reach: int) -> list[Event]:
        """Give the user's events after `sequence`, in order, without a gap, up to `reach` at least if they are kept."""
