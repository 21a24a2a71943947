"""A hole of the lake is healed from the outbox, in one night, and nothing else is sent again."""

from __future__ import annotations

import pytest

from batch_layer import missing_events
from cinematch.domain.events import Event
from tests.histories import add, film
from tests.unit.batch_layer.worlds import BatchWorld

FILMS = {f"m{n}": film(f"m{n}", runtime_minutes=100) for n in range(10)}
ANN = [add(n, f"m{n}", 7, "ann") for n in range(1, 9)]
BOB = [add(n, f"m{n}", 5, "bob") for n in range(1, 4)]


@pytest.fixture
def world() -> BatchWorld:
    world = BatchWorld(films=FILMS)
    world.happen(ANN + BOB)
    return world


def lose(world: BatchWorld, *events: Event) -> None:
    for event in events:
        world.lake.events.remove(event)


def test_what_lacks_is_sent_again_and_the_next_run_goes_on(world: BatchWorld) -> None:
    lose(world, ANN[2], ANN[4], ANN[5])
    first = world.run()
    assert (first.waiting_users, first.sent_again) == (1, 3)
    assert world.outbox.again == [ANN[2], ANN[4], ANN[5]]
    assert world.published() == world.expected(ANN[:2] + BOB)
    world.relay()
    second = world.run()
    assert (second.waiting_users, second.sent_again) == (0, 0)
    assert world.published() == world.expected(ANN + BOB)
    world.check_readers_exact()


def test_what_the_outbox_has_no_longer_is_not_sent(world: BatchWorld) -> None:
    lose(world, ANN[2], ANN[4])
    world.outbox.events.remove(ANN[2])
    assert world.run().sent_again == 1
    assert world.outbox.again == [ANN[4]]


def test_a_run_up_to_a_time_asks_for_nothing_that_is_there(world: BatchWorld) -> None:
    generation = world.run(as_of=ANN[4].event_time)
    assert (generation.waiting_users, generation.sent_again) == (1, 0)


def test_one_run_sends_so_much_and_not_more(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_events, "PAGE_USERS", 1)
    monkeypatch.setattr(missing_events, "SENT_AGAIN_AT_MOST", 1)
    lose(world, ANN[2], BOB[1])
    assert world.run().sent_again == 1
    world.relay()
    assert world.run().sent_again == 1
    world.relay()
    world.run()
    assert world.published() == world.expected(ANN + BOB)


def test_what_an_erasure_has_buried_is_not_asked_for(world: BatchWorld) -> None:
    lose(world, ANN[2], ANN[5])
    stores = world.stores
    stores.floors.tombstones["ann"] = 4  # type: ignore[attr-defined]
    assert world.run(stores).sent_again == 1
    assert world.outbox.again == [ANN[5]]
