"""One user's events, as far as they are kept: from the first on, or behind the floor of an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cinematch.domain.events import Event
from cinematch.domain.watchlist import Watchlist, replay


@dataclass(frozen=True, slots=True)
class UserLog:
    """The events after the `floor`, in order and without a gap; at the floor the list is empty (0: nothing was yet)."""

    events: Sequence[Event] = ()
    floor: int = 0

    @property
    def last(self) -> int:
        """Give the last sequence that the log has."""
        return self.floor + len(self.events)

    def between(self, after: int, last: int) -> Sequence[Event]:
        """Give the events after `after` up to `last`."""
        return self.events[max(0, after - self.floor) : max(0, last - self.floor)]

    def replayed(self, sequence: int) -> Watchlist:
        """Give the list as of an event, or of the floor."""
        return replay(self.between(self.floor, sequence), Watchlist(sequence=self.floor))
