"""A user's list of films, as the fold of that user's events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from cinematch.domain.events import Event, EventType, to_tenths
from cinematch.errors import SequenceGap


@dataclass(frozen=True, slots=True)
class Film:
    """A catalog entry. Metadata that the catalog lacks is empty, None or 0, and counts for nothing.

    changed_at: when an import last refreshed it (None: never); no part of what makes two entries equal.
    """

    movie_id: str
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()
    directors: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    runtime_minutes: int = 0
    poster_path: str | None = None
    changed_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One film in one user's list; title and genres are those of the moment it was added."""

    movie_id: str
    title: str
    genres: tuple[str, ...]
    rating_tenths: int | None
    watched_at: datetime
    added_at: datetime


def entry_after(event: Event) -> ListEntry | None:
    """Give the entry as `event` leaves it; None when the event removes it."""
    if event.event_type is EventType.DELETE:
        return None
    return _entry(event, event.rating)


def entry_before(event: Event) -> ListEntry | None:
    """Give the entry as `event` found it; None when the event adds it."""
    if event.event_type is EventType.ADD:
        return None
    return _entry(event, event.previous_rating)


def _entry(event: Event, rating: float | None) -> ListEntry:
    return ListEntry(
        movie_id=event.movie_id,
        title=event.movie_name,
        genres=event.genres,
        rating_tenths=to_tenths(rating),
        watched_at=event.watched_at or event.event_time,
        added_at=event.added_at or event.event_time,
    )


@dataclass(slots=True)
class Watchlist:
    """A user's entries by movie_id, right after event `sequence` (0 = no event yet)."""

    entries: dict[str, ListEntry] = field(default_factory=dict)
    sequence: int = 0

    def apply(self, event: Event) -> bool:
        """Apply one event in place; False for one already contained. Raises SequenceGap when one is missing."""
        if event.sequence <= self.sequence:
            return False
        if event.sequence > self.sequence + 1:
            raise SequenceGap(event.user_id, self.sequence + 1, event.sequence)
        self._change(event)
        self.sequence = event.sequence
        return True

    def _change(self, event: Event) -> None:
        current = self.entries.get(event.movie_id)
        after = entry_after(event)
        if after is None:
            self.entries.pop(event.movie_id, None)
        elif event.event_type is EventType.UPDATE and current is not None:
            self.entries[event.movie_id] = replace(current, rating_tenths=after.rating_tenths)
        else:
            self.entries[event.movie_id] = after


def in_sequence(events: Iterable[Event]) -> list[Event]:
    """Sort one user's events by sequence and drop repeated ones (the first copy stays)."""
    by_sequence: dict[int, Event] = {}
    for event in events:
        by_sequence.setdefault(event.sequence, event)
    return [by_sequence[sequence] for sequence in sorted(by_sequence)]


def without_gap(sequence: int, events: Iterable[Event]) -> list[Event]:
    """Give one user's events after `sequence`, in order and once, up to the first that is missing."""
    later = in_sequence(event for event in events if event.sequence > sequence)
    return [event for due, event in enumerate(later, start=sequence + 1) if event.sequence == due]


def replay(events: Iterable[Event], start: Watchlist | None = None) -> Watchlist:
    """Fold one user's events, in any order and with any repeats, onto `start` (which is not changed).

    Only the gap-free prefix after `start.sequence` counts: what lies behind a hole is not yet known to be complete.
    """
    watchlist = Watchlist(dict(start.entries), start.sequence) if start else Watchlist()
    for event in in_sequence(events):
        if event.sequence > watchlist.sequence + 1:
            break
        watchlist.apply(event)
    return watchlist
