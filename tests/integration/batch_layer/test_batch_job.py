"""The computation on the real lake, catalog and Spark: always what a replay of each user's log gives."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from tests.batches import BatchLayer, expected, expected_lists
from tests.histories import add, delete, film, update
from tests.lakes import store_events

pytestmark = [pytest.mark.integration, pytest.mark.spark]


@cache
def catalog() -> dict[str, Film]:
    """Forty films; some lack people, names have what could upset a store."""
    films = [
        film(
            f"m.{n}$",
            directors=(f"Director {n % 5}", "J.J. $Abrams") if n % 3 else (),
            actors=tuple(f"Actor {n % k}" for k in (3, 5, 7)),
            runtime_minutes=60 + n,
            poster_path=f"/posters/{n}.svg",
        )
        for n in range(40)
    ]
    return {each.movie_id: each for each in films}


def random_log(user_id: str, length: int, seed: int) -> list[Event]:
    """A log of effective changes: adds, new ratings, deletes."""
    random = Random(seed)
    held: dict[str, Event] = {}
    log: list[Event] = []
    while len(log) < length:
        movie_id = random.choice(sorted(catalog()))
        sequence, before = len(log) + 1, held.get(movie_id)
        rating = random.choice((None, *(n / 2 for n in range(1, 21))))
        if before is None:
            event = add(sequence, movie_id, rating, user_id, genres=("Drama", "Sci-Fi")[: 1 + sequence % 2])
        elif random.random() < 0.4:
            event = delete(sequence, before)
            del held[movie_id]
        elif rating != before.rating:
            event = update(sequence, before, rating)
        else:
            continue
        log.append(event)
        if event.rating is not None or event.event_type != "DELETE":
            held[movie_id] = event
    return log


def some_logs(users: int = 12) -> dict[str, list[Event]]:
    logs = {f"user-{n}": random_log(f"user-{n}", 3 + 7 * n, seed=n) for n in range(users)}
    only = add(1, "m.1$", 8, "emptied")
    return logs | {"emptied": [only, delete(2, only)]}


def test_every_user_gets_what_a_replay_of_their_log_gives(batch_layer: BatchLayer) -> None:
    logs = some_logs()
    batch_layer.catalog(catalog().values())
    everything = [event for log in logs.values() for event in log]
    Random(1).shuffle(everything)
    store_events(batch_layer.settings, everything)
    store_events(batch_layer.settings, everything[::3])  # published twice

    generation = batch_layer.run()

    assert batch_layer.published() == expected(logs, catalog())
    assert batch_layer.lists(generation.number) == expected_lists(logs)
    assert generation.is_published
    assert (generation.users, generation.events) == (len(logs), len(everything))
    assert generation.first_event_time == min(event.event_time for event in everything)
    assert generation.last_event_time == max(event.event_time for event in everything)
