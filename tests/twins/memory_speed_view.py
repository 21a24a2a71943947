"""The speed view in memory: proved equal to Redis by tests/contract/test_speed_view.py. Nothing expires here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cinematch.contracts.speed_view import Applied, SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.domain.totals import Totals
from cinematch.domain.watchlist import entry_after, entry_before


@dataclass
class MemorySpeedView:
    """`SpeedView` over a dict; for one thread.

    `views` is the whole state: tests may copy it, clear it (a wiped Redis) or put an older copy back (a rewound one).
    """

    views: dict[str, SpeedSnapshot] = field(default_factory=dict)

    def apply(self, events: Mapping[str, Sequence[Event]]) -> dict[str, Applied]:
        """See `SpeedView.apply`."""
        return {user_id: self._apply(user_id, sequence) for user_id, sequence in events.items() if sequence}

    def read(self, user_id: str) -> SpeedSnapshot | None:
        """See `SpeedView.read`."""
        return self.views.get(user_id)

    def boundaries(self, user_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """See `SpeedView.boundaries`."""
        views = {user_id: self.views[user_id] for user_id in user_ids if user_id in self.views}
        return {user_id: (view.base_sequence, view.last_sequence) for user_id, view in views.items()}

    def advance(self, boundaries: Mapping[str, int]) -> None:
        """See `SpeedView.advance`."""
        for user_id, boundary in boundaries.items():
            view = self.views.get(user_id)
            if view is not None and boundary > view.base_sequence:
                base = min(boundary, view.last_sequence)
                self.views[user_id] = _view(base, view.last_sequence, view.after(base))

    def forget(self, floors: Mapping[str, int]) -> int:
        """See `SpeedView.forget`."""
        gone = [user for user, view in self.views.items() if view.last_sequence <= floors.get(user, -1)]
        for user_id in gone:
            del self.views[user_id]
        self.advance(floors)
        return len(gone)

    def replace(self, user_id: str, base_sequence: int, events: Sequence[Event]) -> None:
        """See `SpeedView.replace`."""
        last = base_sequence + len(events)
        if [event.sequence for event in events] != list(range(base_sequence + 1, last + 1)):
            raise ValueError(f"the events after {base_sequence} of user {user_id!r} have a gap")
        stored = self.views.get(user_id)
        if stored is None or stored.base_sequence > last or stored.last_sequence < base_sequence:
            self.views[user_id] = _view(base_sequence, last, events)
            return
        by_sequence = {event.sequence: event for event in (*stored.tail, *events)}
        self.views[user_id] = _view(
            min(base_sequence, stored.base_sequence),
            max(last, stored.last_sequence),
            [by_sequence[sequence] for sequence in sorted(by_sequence)],
        )

    def users(self) -> Iterator[str]:
        """See `SpeedView.users`."""
        yield from list(self.views)

    def _apply(self, user_id: str, events: Sequence[Event]) -> Applied:
        stored = self.views.get(user_id)
        start = stored.last_sequence if stored else events[0].sequence - 1
        base, tail = (stored.base_sequence, list(stored.tail)) if stored else (start, [])
        last, duplicates, gap_at = start, 0, None
        for event in events:
            if event.sequence <= last:
                duplicates += 1
            elif event.sequence == last + 1:
                tail.append(event)
                last = event.sequence
            else:
                gap_at = last + 1
                break
        self.views[user_id] = _view(base, last, tail)
        return Applied(last - start, duplicates, gap_at, None if stored else base)


def _view(base: int, last: int, tail: Sequence[Event]) -> SpeedSnapshot:
    totals = Totals()
    for event in tail:
        for entry, sign in ((entry_after(event), 1), (entry_before(event), -1)):
            if entry is not None:
                totals.count(entry, None, sign)
    return SpeedSnapshot(base, last, totals.films, totals.rated, totals.rating_tenths, totals.genres, tuple(tail))
