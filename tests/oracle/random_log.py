"""Random logs of several users, by a seed: events as ingestion would issue them, only effective changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from uuid import UUID

from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Film
from tests.histories import add, delete, film, update
from tests.strategies import EPOCH, GENRES, PEOPLE

_RATINGS = (None, *(tenths / 10 for tenths in range(5, 101, 5)))


def random_catalog(random: Random, size: int) -> dict[str, Film]:
    """Give films of which some lack genres, people or runtime."""
    return {
        f"m{number}": film(
            f"m{number}",
            genres=tuple(random.sample(GENRES, random.randint(0, 3))),
            directors=tuple(random.sample(PEOPLE, random.randint(0, 2))),
            actors=tuple(random.sample(PEOPLE, random.randint(0, 4))),
            runtime_minutes=random.choice((0, 90, 121)),
            poster_path=f"/posters/m{number}.svg" if number % 2 else None,
        )
        for number in range(size)
    }


@dataclass
class RandomLogs:
    """Every user's log so far; `next_event` draws one more. Users lean to adding, then, for a while, to deleting."""

    random: Random
    films: dict[str, Film]
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    _held: dict[str, dict[str, Event]] = field(default_factory=lambda: defaultdict(dict))

    def next_event(self, user_id: str) -> Event:
        """Draw the user's next effective change and append it to the log."""
        return self._appended(user_id, self._change(user_id, len(self.events[user_id]) + 1))

    def next_removal(self, user_id: str) -> Event | None:
        """Take one film out of the user's list, as an erasure does; None when there is none left."""
        held = self._held[user_id]
        if not held:
            return None
        before = held[min(held)]
        return self._appended(user_id, delete(len(self.events[user_id]) + 1, before))

    def _appended(self, user_id: str, change: Event) -> Event:
        event = replace(change, event_id=str(UUID(int=self.random.getrandbits(128))))
        self.events[user_id].append(event)
        self._held[user_id].pop(event.movie_id, None)
        if event.event_type is not EventType.DELETE:
            self._held[user_id][event.movie_id] = event
        return event

    def _change(self, user_id: str, sequence: int) -> Event:
        held = self._held[user_id]
        wish = self.random.random()
        absent = sorted(self.films.keys() - held.keys())
        if not held or (absent and wish < (0.75 if sequence % 60 < 40 else 0.1)):
            return self._add(user_id, sequence, self.random.choice(absent))
        before = held[self.random.choice(sorted(held))]
        if wish < 0.85:
            others = [rating for rating in _RATINGS if rating != before.rating]
            return update(sequence, before, self.random.choice(others))
        return delete(sequence, before)

    def _add(self, user_id: str, sequence: int, movie_id: str) -> Event:
        entry = self.films[movie_id]
        watched_at = EPOCH + timedelta(hours=self.random.randint(0, 20))
        event = add(sequence, movie_id, self.random.choice(_RATINGS), user_id)
        return replace(event, movie_name=entry.title, genres=entry.genres, watched_at=watched_at)
