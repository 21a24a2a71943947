"""A run from the lists needs no event that is gone, and every later run goes on with what it made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batch_layer.lists import ENTRIES_AT_ONCE, portions
from cinematch.adapters.mongodb_user_stats import StoredList
from cinematch.contracts.movie_document import movie_document
from cinematch.domain.events import Event
from cinematch.errors import Conflict
from tests.histories import add, delete, film
from tests.unit.batch_layer.worlds import BatchWorld, killed_at_each_call

FILMS = {f"m{n}": film(f"m{n}", runtime_minutes=100) for n in range(8)}
ANN = [add(n, f"m{n}", 7, "ann") for n in range(1, 6)]
BOB = [add(n, f"m{n}", 5, "bob") for n in range(1, 4)]
EMPTIED = [add(1, "m1", 8, "emptied"), delete(2, add(1, "m1", 8, "emptied"))]
ALL = [*ANN, *BOB, *EMPTIED]
LATER = [add(6, "m6", 9, "ann"), add(1, "m7", 4, "new")]


@pytest.fixture
def world() -> BatchWorld:
    """The events of ann's first year are nowhere, and nothing is left of the list that was emptied."""
    world = BatchWorld(films=FILMS)
    world.happen(ALL)
    world.lose(*ANN[:3], *EMPTIED)
    return world


def test_users_whose_first_events_are_gone_wait_for_ever_without_it(world: BatchWorld) -> None:
    for _ in range(2):
        assert world.run().waiting_users == 1
    published = world.published()
    assert sorted(published) == ["ann", "bob"]
    assert published["bob"] == world.expected(BOB)["bob"]
    assert world.generations.boundaries(2, ["ann"]) == {"ann": 0}


def test_it_publishes_what_the_lists_are_and_nobody_waits(world: BatchWorld) -> None:
    generation = world.run(from_lists=True)
    assert world.published() == world.expected(ALL)
    assert (generation.base, generation.from_lists, generation.waiting_users) == (None, True, 0)
    assert (generation.users, generation.films, generation.events) == (3, 8, 0)
    world.check_readers_exact()


def test_it_replaces_a_view_in_which_users_wait(world: BatchWorld) -> None:
    world.run()
    world.run(from_lists=True)
    assert world.published() == world.expected(ALL)
    world.check_readers_exact()


def test_events_behind_the_lists_are_folded_onto_them(world: BatchWorld) -> None:
    lists = world.lists()
    world.happen(LATER)
    generation = world.run(build=world.job(lists), from_lists=True)
    assert (generation.events, generation.users) == (2, 4)
    assert world.published() == world.expected(ALL + LATER)


def test_the_next_run_builds_on_it(world: BatchWorld) -> None:
    world.run(from_lists=True)
    world.happen(LATER)
    generation = world.run()
    assert (generation.base, generation.from_lists, generation.events) == (1, False, 2)
    assert world.published() == world.expected(ALL + LATER)
    world.check_readers_exact()


def test_events_of_the_lists_that_reach_the_lake_only_later_change_nothing(world: BatchWorld) -> None:
    world.lake.events.remove(BOB[2])
    world.run(from_lists=True)
    world.lake.events += [BOB[2], ANN[0]]
    generation = world.run()
    assert (generation.events, generation.waiting_users) == (0, 0)
    assert world.published() == world.expected(ALL)


def test_whoever_was_erased_meanwhile_is_not_in_it(world: BatchWorld) -> None:
    world.run(build=world.job(world.lists(), floors={"emptied": 2, "bob": 3}), from_lists=True)
    assert world.published() == world.expected(ANN)


def test_killed_at_any_call_readers_stay_exact_and_it_can_be_run_again() -> None:
    def arranged() -> BatchWorld:
        world = BatchWorld(films=FILMS)
        world.happen(ALL)
        world.run()
        world.lose(*ANN[:3])
        world.happen(LATER)
        return world

    runs = killed_at_each_call(arranged, lambda world, stores: world.run(stores, from_lists=True))
    calls = 0
    for world, is_killed in runs:
        calls += 1
        if is_killed:
            assert world.published() in (world.expected(ALL), world.expected(ALL + LATER))
            world.check_readers_exact()
        world.holding.expire()
        world.run(from_lists=True)
        assert world.published() == world.expected(ALL + LATER)
        world.check_readers_exact()
    assert calls > 15


@pytest.mark.parametrize("earlier", [{"full": True}, {"as_of": ANN[4].event_time}])
def test_a_run_that_would_lose_what_only_the_lists_tell_publishes_nothing(
    world: BatchWorld, earlier: dict[str, bool | datetime]
) -> None:
    world.run(from_lists=True)
    with pytest.raises(Conflict, match="user 'ann': event 1 is neither in the outbox nor in the lake"):
        world.run(**earlier)  # type: ignore[arg-type]
    assert world.published() == world.expected(ALL)
    world.check_readers_exact()
    assert world.run().base == 1


def test_nothing_that_it_contains_happened_after_its_last_event_time(world: BatchWorld) -> None:
    before = datetime.now(UTC)
    generation = world.run(from_lists=True)
    assert generation.last_event_time is not None
    assert before <= generation.last_event_time <= datetime.now(UTC)
    world.run()
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert world.run(as_of=later).base == 2
    assert world.published() == world.expected(ALL)


def test_a_portion_of_lists_is_bounded_and_a_list_stays_whole() -> None:
    def stored(user_id: str, films: int) -> StoredList:
        events: list[Event] = [add(n, f"m{n}", 7, user_id) for n in range(1, films + 1)]
        return StoredList(user_id, films, [movie_document(event) for event in events])

    sizes = {"a": 1, "b": ENTRIES_AT_ONCE, "c": 1, "d": ENTRIES_AT_ONCE - 1, "e": 1, "f": 2 * ENTRIES_AT_ONCE}
    found = list(portions(stored(user_id, films) for user_id, films in sizes.items()))
    assert [[row["user_id"] for row in rows] for rows in found] == [["a"], ["b"], ["c", "d"], ["e"], ["f"]]
    assert all(len(row["entries"]) == sizes[row["user_id"]] for rows in found for row in rows)
