"""What invented users do: one endless history for each, of which a run takes the beginning.

`user_history(seed, number, n)` begins with `user_history(seed, number, m)` for every m <= n. So the number of events
that a user already has says exactly where to go on, after a crash as well as with larger figures.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cinematch.domain.events import EventType
from cinematch.domain.watchlist import Film
from cinematch.errors import ConfigurationError
from ingestion.seeding.catalog import invented_catalog

EVENTS_OF_A_USER_MAX: Final = 11_500
"""Of so many events about 10,000 films are added, which is what the heaviest users of real data have."""
POPULARITY_EXPONENT: Final = 0.9
ACTIVITY_EXPONENT: Final = 0.8
"""Zipf's law for films and for users: the weight of rank r is r to the minus this."""
SHARE_DELETED, SHARE_RERATED, SHARE_ADDED_AGAIN, SHARE_RATED = 0.04, 0.08, 0.005, 0.85
WATCHED_WITHIN: Final = timedelta(days=730)
_MINUTES: Final = int(WATCHED_WITHIN.total_seconds()) // 60


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One effective change: the film goes in (ADD), gets another rating (UPDATE) or goes out (DELETE)."""

    event_type: EventType
    film: Film
    rating: float | None
    watched_at: datetime


def user_id(seed: int, number: int) -> str:
    """Name the user `number` (1 = the busiest) of a seed; users of two seeds never meet."""
    return f"s{seed}-user-{number:05d}"


def history_lengths(users: int, events: int) -> list[int]:
    """Share `events` among users by Zipf's law, busiest first, none above EVENTS_OF_A_USER_MAX; they add up exactly.

    Raises ConfigurationError when the users cannot have so many events.
    """
    if events > users * EVENTS_OF_A_USER_MAX:
        raise ConfigurationError(
            f"{users} users have at most {users * EVENTS_OF_A_USER_MAX:,} events: ask for more users"
        )
    weights = [rank**-ACTIVITY_EXPONENT for rank in range(1, users + 1)]
    weight_left, lengths = sum(weights), []
    for rank, weight in enumerate(weights, 1):
        # What a capped user leaves goes to those who follow, so the last one takes exactly what is left.
        share = events if rank == users else round(events * weight / weight_left)
        lengths.append(min(share, events, EVENTS_OF_A_USER_MAX))
        events -= lengths[-1]
        weight_left -= weight
    return lengths


def user_history(seed: int, number: int, length: int, until: datetime) -> Iterator[PlannedChange]:
    """Give the first `length` changes of a user; films were watched in the two years before `until`."""
    user = _User(random.Random(f"{seed}/user/{number}"), _film_order(seed, number, length), until)
    for _ in range(length):
        yield user.next_change()


def interleaved(lengths: list[int]) -> Iterator[int]:
    """Give the order in which users act (0 = the busiest), spread evenly: each user as often as its length says."""
    turns = [(0.5 / length, place) for place, length in enumerate(lengths) if length]
    heapq.heapify(turns)
    done = [0] * len(lengths)
    while turns:
        _, place = turns[0]
        yield place
        done[place] += 1
        if done[place] < lengths[place]:
            heapq.heapreplace(turns, ((done[place] + 0.5) / lengths[place], place))
        else:
            heapq.heappop(turns)


def _film_order(seed: int, number: int, length: int) -> Iterator[Film]:
    """Give `length` distinct films in the order in which weighted draws without replacement find them.

    One key a film, u ** (1 / weight), greatest first, is such an order (Efraimidis and Spirakis, 2006); in logarithms.
    """
    films = invented_catalog(seed)
    uniform = np.random.Generator(np.random.PCG64([abs(seed), int(seed < 0), number])).random(len(films))
    keys: NDArray[np.float64] = -np.log(uniform) * np.arange(1, len(films) + 1) ** POPULARITY_EXPONENT
    first = np.argpartition(keys, min(length, len(films) - 1))[:length]
    return (films[place] for place in first[np.argsort(keys[first])])


@dataclass(slots=True)
class _User:
    rng: random.Random
    unseen: Iterator[Film]
    until: datetime
    held: list[PlannedChange] = field(default_factory=list)
    removed: list[PlannedChange] = field(default_factory=list)

    def next_change(self) -> PlannedChange:
        chance = self.rng.random()
        if self.held and chance < SHARE_DELETED:
            return self._delete()
        if self.held and chance < SHARE_DELETED + SHARE_RERATED:
            return self._rerate()
        if self.removed and chance > 1 - SHARE_ADDED_AGAIN:
            return self._add(self.removed.pop().film)
        return self._add(next(self.unseen))

    def _add(self, film: Film) -> PlannedChange:
        rating = self._rating(film) if self.rng.random() < SHARE_RATED else None
        watched_at = self.until - timedelta(minutes=int(_MINUTES * self.rng.random()))
        change = PlannedChange(EventType.ADD, film, rating, watched_at)
        self.held.append(change)
        return change

    def _rerate(self) -> PlannedChange:
        place = int(len(self.held) * self.rng.random())
        before = self.held[place]
        rating = self._rating(before.film)
        if rating == before.rating:
            rating = rating - 0.5 if rating > 5 else rating + 0.5
        self.held[place] = PlannedChange(EventType.UPDATE, before.film, rating, before.watched_at)
        return self.held[place]

    def _delete(self) -> PlannedChange:
        place = int(len(self.held) * self.rng.random())
        self.held[place], self.held[-1] = self.held[-1], self.held[place]
        before = self.held.pop()
        self.removed.append(before)
        return PlannedChange(EventType.DELETE, before.film, None, before.watched_at)

    def _rating(self, film: Film) -> float:
        """Rate a film around its own quality, in halves from 1 to 10."""
        quality = 5.2 + 3.2 * random.Random(f"quality/{film.movie_id}").random()
        halves = round(2 * self.rng.gauss(quality, 1.3))
        return max(2, min(20, halves)) / 2
