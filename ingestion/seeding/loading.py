"""Loads invented data through the same event path as everything else, at once or at a given rate.

A user's last sequence says how much of their invented history is in, so loading may be killed anywhere and run again,
and a second run of the same command adds nothing. Changes that somebody else made to an invented user count like
invented ones there: so many of the user's remaining changes are then left out, and nothing happens twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_sequences import Sequences
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.batches import batches
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.events import EventType
from ingestion.progress import Advance, Stages
from ingestion.seeding.catalog import invented_catalog
from ingestion.seeding.histories import PlannedChange, history_lengths, interleaved, user_history, user_id

BATCH_FILMS: Final = 1_000
BATCH_CHANGES: Final = 500
BATCH_USERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class DataSet:
    """What to invent: `events` shared among `users`; films were watched in the two years before `until`.

    Raises ConfigurationError when so few users cannot have so many events.
    """

    seed: int
    users: int
    events: int
    until: datetime

    def __post_init__(self) -> None:
        self.lengths()

    def lengths(self) -> list[int]:
        """Give the number of events of each user, busiest first."""
        return history_lengths(self.users, self.events)

    def user_id(self, place: int) -> str:
        """Name the user at `place` (0 = the busiest)."""
        return user_id(self.seed, place + 1)

    def changes(self, place: int, length: int) -> Iterator[Change]:
        """Give the beginning of a user's history as changes of their list."""
        return map(_change, user_history(self.seed, place + 1, length, self.until))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it: films in the catalog, events that were there before, events written now, in how long."""

    films: int
    events_before: int
    events: int
    seconds: float


class Loading:
    """Loads into one database. Raises StoreUnavailable; what was written until then stays."""

    def __init__(self, catalog: CatalogWriter, lists: Watchlists, sequences: Sequences, stages: Stages) -> None:
        self._catalog = catalog
        self._lists = lists
        self._sequences = sequences
        self._stages = stages

    def run(self, data: DataSet, events_per_second: float | None = None) -> Loaded:
        """Load everything that is missing: in bulk, or one transaction an event, at most `events_per_second`."""
        lengths = data.lengths()
        films = self._load_films(data.seed)
        done = self._done(data, lengths)
        began = time.monotonic()
        with self._stages.stage("Events", data.events) as advance:
            advance(sum(done))
            if events_per_second is None:
                events = self._load_in_bulk(data, lengths, done, advance)
            else:
                events = self._load_paced(data, lengths, done, advance, events_per_second)
        return Loaded(films, sum(done), events, time.monotonic() - began)

    def _load_films(self, seed: int) -> int:
        films = invented_catalog(seed)
        with self._stages.stage("Films", len(films)) as advance:
            for batch in batches(films, BATCH_FILMS):
                self._catalog.put(batch)
                advance(len(batch))
        return len(films)

    def _done(self, data: DataSet, lengths: list[int]) -> list[int]:
        done: list[int] = []
        for batch in batches(enumerate(lengths), BATCH_USERS):
            issued = self._sequences.issued(data.user_id(place) for place, _ in batch)
            done += [min(length, issued.get(data.user_id(place), 0)) for place, length in batch]
        return done

    def _load_in_bulk(self, data: DataSet, lengths: list[int], done: list[int], advance: Advance) -> int:
        events = 0
        for place, length in enumerate(lengths):
            for batch in batches(islice(data.changes(place, length), done[place], None), BATCH_CHANGES):
                events += self._lists.apply_many(data.user_id(place), batch)
                advance(len(batch))
        return events

    def _load_paced(
        self, data: DataSet, lengths: list[int], done: list[int], advance: Advance, events_per_second: float
    ) -> int:
        histories = [data.changes(place, length) for place, length in enumerate(lengths)]
        left_out = list(done)
        pace = _Pace(events_per_second)
        events = 0
        for place in interleaved(lengths):
            change = next(histories[place])
            if left_out[place]:
                left_out[place] -= 1
                continue
            pace.wait()
            events += self._lists.apply_many(data.user_id(place), [change])
            advance(1)
        return events


class _Pace:
    """Turns at a fixed rate; after a delay they follow at once until the schedule is met again."""

    def __init__(self, per_second: float) -> None:
        self._seconds_each = 1 / per_second
        self._next = time.monotonic()

    def wait(self) -> None:
        """Wait for the next turn."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next += self._seconds_each


def _change(planned: PlannedChange) -> Change:
    if planned.event_type is EventType.DELETE:
        return RemoveFilm(planned.film.movie_id)
    return AddFilm(planned.film, planned.rating, planned.watched_at)
