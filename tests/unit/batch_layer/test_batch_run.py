"""The commit protocol of a batch run: killed at any call, it leaves readers exact, and the next run cleans up."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from batch_layer.batch_run import GenerationIncomplete
from cinematch.contracts.batch_status import RunState, run_state
from cinematch.contracts.generations import GenerationState
from cinematch.domain.events import Event
from cinematch.errors import Conflict, StoreUnavailable
from tests.histories import add, delete, film
from tests.strategies import EPOCH
from tests.twins.memory_batch import MemoryBatchJob
from tests.unit.batch_layer.worlds import BatchWorld, Killed, killed_at_each_call

FILMS = {f"m{n}": film(f"m{n}", runtime_minutes=100) for n in range(6)}
FIRST = [add(n, f"m{n}", 7, user) for user in ("ann", "bob") for n in (1, 2, 3)]
SECOND = [add(4, "m4", 9, "ann"), add(1, "m5", None, "cid"), delete(4, FIRST[3])]


@pytest.fixture
def world() -> BatchWorld:
    world = BatchWorld(films=FILMS)
    world.happen(FIRST)
    return world


def check_nothing_is_left_over(world: BatchWorld) -> None:
    complete = {each.number for each in world.generations.all() if each.state is GenerationState.READY}
    assert world.generations.stored() == world.states.stored() == complete


def test_a_run_publishes_what_the_lake_has_and_cuts_the_tails(world: BatchWorld) -> None:
    generation = world.run()
    assert world.published() == world.expected(FIRST)
    assert (generation.users, generation.films, generation.events) == (2, 6, 6)
    assert all(not snapshot.tail for snapshot in world.speed_view.views.values())
    world.check_readers_exact()


def test_a_further_run_builds_on_the_published_one(world: BatchWorld) -> None:
    world.run()
    world.happen(SECOND)
    generation = world.run()
    assert (generation.base, generation.events) == (1, 3)
    assert world.published() == world.expected(FIRST + SECOND)


def test_a_state_whose_removal_was_begun_is_no_base(world: BatchWorld) -> None:
    world.run()
    world.happen(SECOND)
    world.run()
    world.rollback(1)
    half = world.states.tables[1]
    world.states.drop(1)
    world.states.tables[1] = half.slice(0, 1)  # killed before it was done
    third = [add(5, "m5", 1, "ann")]
    world.happen(third)
    assert world.run().base == 2
    assert world.published() == world.expected(FIRST + SECOND + third)


def test_after_a_backup_was_put_back_the_next_run_takes_the_place_of_what_came_after_it(world: BatchWorld) -> None:
    world.run()
    backup = deepcopy(world.generations)
    world.happen(SECOND)
    world.run()
    world.run()
    world.generations = backup
    generation = world.run()
    assert (generation.number, generation.base) == (2, 1)
    assert world.published() == world.expected(FIRST + SECOND)
    check_nothing_is_left_over(world)
    world.check_readers_exact()


def test_a_full_run_gives_the_same_documents_as_an_incremental_one(world: BatchWorld) -> None:
    world.run()
    world.happen(SECOND)
    world.run()
    incremental = world.published()
    assert world.run(full=True).base is None
    assert world.published() == incremental


def test_killed_at_any_call_readers_stay_exact_and_the_next_run_completes() -> None:
    def arranged() -> BatchWorld:
        world = BatchWorld(films=FILMS)
        world.happen(FIRST)
        world.run()
        world.happen(SECOND)
        return world

    calls = 0
    for world, is_killed in killed_at_each_call(arranged, BatchWorld.run):
        calls += 1
        if is_killed:
            assert world.published() in (world.expected(FIRST), world.expected(FIRST + SECOND))
            world.check_readers_exact()
        world.holding.expire()
        third = [add(5, "m5", 1, "ann")]
        world.happen(third)
        world.run()
        assert world.published() == world.expected(FIRST + SECOND + third)
        world.check_readers_exact()
        check_nothing_is_left_over(world)
    assert calls > 15


def test_killed_at_any_call_of_a_rollback_readers_stay_exact() -> None:
    def arranged() -> BatchWorld:
        world = BatchWorld(films=FILMS)
        world.happen(FIRST)
        world.run()
        world.happen(SECOND)
        world.run()
        return world

    rollbacks = killed_at_each_call(arranged, lambda world, stores: world.rollback(stores=stores))
    calls = 0
    for world, _ in rollbacks:
        calls += 1
        world.check_readers_exact()
    assert world.published() == world.expected(FIRST)
    assert calls > 5


def test_a_second_run_at_the_same_time_is_refused(world: BatchWorld) -> None:
    world.holding.owner = "elsewhere/1/x"
    with pytest.raises(Conflict, match="another batch run is at work \\(elsewhere/1/x\\)"):
        world.run()
    assert world.generations.all() == []


def test_a_run_that_lost_its_lease_does_not_publish(world: BatchWorld) -> None:
    job = MemoryBatchJob(world.generations, world.states, world.lake, world.films)

    def slow_job(plan: object) -> object:
        world.holding.owner = "elsewhere/1/x"
        return job(plan)  # type: ignore[arg-type]

    with pytest.raises(Conflict, match="another one has taken over"):
        world.run(build=slow_job)
    assert world.generations.published() is None
    assert world.holding.owner == "elsewhere/1/x"


def test_a_run_that_wakes_up_too_late_to_publish_gives_way_to_what_others_published(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is suspended between its last look at the lease and the re-pointing of the view."""
    world.run()
    late = [add(5, "m5", 1, "ann")]
    point_to = world.generations.publish

    def sleep_through_a_night(number: int, now: datetime) -> None:
        monkeypatch.undo()
        world.holding.expire()
        world.happen(late)
        world.run()
        world.holding.owner = "elsewhere/1/x"
        point_to(number, now)

    world.happen(SECOND)
    monkeypatch.setattr(world.generations, "publish", sleep_through_a_night)
    with pytest.raises(Conflict, match="another one has taken over"):
        world.run()
    published = world.generations.published()
    assert published is not None
    assert published.number == 3
    assert world.published() == world.expected(FIRST + SECOND + late)
    world.check_readers_exact()


def test_a_failed_run_is_on_record_with_its_reason(world: BatchWorld) -> None:
    def failing_job(plan: object) -> object:
        raise StoreUnavailable("s3", "no answer\nat line 1")

    with pytest.raises(StoreUnavailable):
        world.run(build=failing_job)
    (record,) = world.generations.all()
    assert (record.state, record.reason) == (GenerationState.FAILED, "s3 is unavailable: no answer")
    world.run()
    check_nothing_is_left_over(world)


def test_a_run_that_fails_before_it_computes_is_on_record_too(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> set[int]:
        raise StoreUnavailable("s3", "no answer")

    with monkeypatch.context() as outage:
        outage.setattr(world.states, "stored", silent)
        with pytest.raises(StoreUnavailable):
            world.run()
    (record,) = world.generations.all()
    assert (record.state, record.reason) == (GenerationState.FAILED, "s3 is unavailable: no answer")
    world.run()
    check_nothing_is_left_over(world)


def test_every_run_that_was_killed_while_it_had_the_lease_is_on_record(world: BatchWorld) -> None:
    for calls in range(1, 8):
        with pytest.raises(Killed):
            world.run(world.mortal_stores(calls))
        world.holding.expire()
        newest = world.generations.all()[0]
        assert (newest.number, run_state(newest, None)) == (calls, RunState.ABANDONED)


def test_what_failed_to_be_published_and_then_is_has_no_reason_left(world: BatchWorld) -> None:
    world.run()
    world.generations.update(1, reason="redis is unavailable: no answer")
    world.run()
    world.rollback(1)
    assert world.generations.get(1).reason is None


def test_a_generation_that_lacks_documents_is_not_published(world: BatchWorld) -> None:
    job = MemoryBatchJob(world.generations, world.states, world.lake, world.films)
    with pytest.raises(GenerationIncomplete, match="3 documents and 2 chunks were computed, 2 and 2 are there"):
        world.run(build=lambda plan: replace(job(plan), users=3))
    assert world.generations.published() is None


def test_a_publication_without_redis_is_made_up_for_by_the_next_run(world: BatchWorld) -> None:
    def refuse(boundaries: object) -> None:
        raise StoreUnavailable("redis", "no answer")

    advance, world.speed_view.advance = world.speed_view.advance, refuse  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        world.run()
    world.check_readers_exact()
    published = world.generations.published()
    assert published is not None
    assert published.reason == "redis is unavailable: no answer"
    world.speed_view.advance = advance  # type: ignore[method-assign]
    world.run()
    assert all(not snapshot.tail for snapshot in world.speed_view.views.values())


class TestAsOf:
    AS_OF = EPOCH + timedelta(minutes=3)  # the third event of each user happened then

    def test_only_earlier_events_count(self, world: BatchWorld) -> None:
        world.run(as_of=self.AS_OF)
        assert world.published() == world.expected([event for event in FIRST if event.sequence < 3])
        world.check_readers_exact()

    def test_before_the_published_one_it_gives_the_tails_back(self, world: BatchWorld) -> None:
        world.run()
        generation = world.run(as_of=self.AS_OF)
        assert generation.base is None
        assert world.published() == world.expected([event for event in FIRST if event.sequence < 3])
        world.check_readers_exact()

    def test_it_builds_on_the_newest_generation_that_ends_before(self, world: BatchWorld) -> None:
        world.run(as_of=EPOCH + timedelta(minutes=2))
        world.run()
        assert world.run(as_of=self.AS_OF).base == 1
        assert world.published() == world.expected([event for event in FIRST if event.sequence < 3])

    def test_a_generation_that_got_an_old_event_late_still_ends_with_its_latest(self, world: BatchWorld) -> None:
        world.run()
        late = add(1, "m1", 5, "dan")
        world.happen([late])
        world.run()
        assert world.run(as_of=self.AS_OF).base is None
        assert world.published() == world.expected([*(event for event in FIRST if event.sequence < 3), late])

    def test_the_next_run_has_the_later_events_again(self, world: BatchWorld) -> None:
        world.run(as_of=self.AS_OF)
        world.run()
        assert world.published() == world.expected(FIRST)


def test_the_usual_night_does_not_compare_all_boundaries(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int, size: int) -> None:
        raise AssertionError("no boundary can have moved down")

    world.run()
    world.happen(SECOND)
    monkeypatch.setattr(world.generations, "boundary_pages", refuse)
    world.run()
    assert world.published() == world.expected(FIRST + SECOND)


class TestRollback:
    def test_readers_are_exact_after_it_and_after_the_next_run(self, world: BatchWorld) -> None:
        world.run()
        world.happen(SECOND)
        world.run()
        assert world.rollback().number == 1
        assert world.published() == world.expected(FIRST)
        world.check_readers_exact()
        assert world.run().base == 1
        assert world.published() == world.expected(FIRST + SECOND)
        world.check_readers_exact()

    def test_and_forwards_again(self, world: BatchWorld) -> None:
        world.run()
        world.happen(SECOND)
        world.run()
        world.rollback()
        world.rollback(2)
        assert world.published() == world.expected(FIRST + SECOND)
        world.check_readers_exact()

    def test_the_lake_stands_in_for_an_outbox_that_has_forgotten(self, world: BatchWorld) -> None:
        world.run()
        world.happen(SECOND)
        world.run()
        newest = [add(5, "m5", 2, "ann")]
        world.outbox.events += newest  # issued and applied, and not in the lake yet
        world.speed_view.apply({"ann": newest})
        world.outbox.events = [event for event in world.outbox.events if event.sequence > 4]
        world.rollback()
        snapshot = world.speed_view.read("ann")
        assert snapshot is not None
        assert (snapshot.base_sequence, snapshot.last_sequence) == (3, 5)

    def test_without_the_events_it_is_refused_and_nothing_changes(self, world: BatchWorld) -> None:
        world.run()
        world.happen(SECOND)
        world.run()
        world.outbox.events, world.lake.events = [], []
        with pytest.raises(Conflict, match="event 4 is neither in the outbox nor in the lake"):
            world.rollback()
        published = world.generations.published()
        assert published is not None
        assert published.number == 2

    def test_an_event_applied_while_a_tail_is_restored_is_kept(self, world: BatchWorld) -> None:
        world.run()
        world.happen(SECOND)
        world.run()
        late = [add(5, "m5", 2, "ann")]
        replace_view = world.speed_view.replace

        def replace_after_an_event(user_id: str, base_sequence: int, events: list[Event]) -> None:
            if user_id == "ann":
                world.happen(late)
            replace_view(user_id, base_sequence, events)

        world.speed_view.replace = replace_after_an_event  # type: ignore[assignment,method-assign]
        world.rollback()
        world.check_readers_exact()

    def test_one_that_was_never_published_is_passed_over(self, world: BatchWorld) -> None:
        world.run()
        world.lose(FIRST[0])
        with pytest.raises(Conflict):
            world.run(full=True)
        assert world.generations.get(2).state is GenerationState.READY
        world.happen(SECOND)
        world.run()
        assert world.rollback().number == 1

    def test_one_whose_run_was_killed_before_it_noted_the_publication_counts(self, world: BatchWorld) -> None:
        for _ in range(3):
            world.run()
        world.generations.update(2, published_at=None)
        assert world.rollback().number == 2

    def test_to_what_is_published_or_gone_is_refused(self, world: BatchWorld) -> None:
        world.run()
        with pytest.raises(Conflict, match="generation 1 is the published one already"):
            world.rollback(1)
        world.run(settings=world.settings.model_copy(update={"batch_generations_kept": 1}))
        with pytest.raises(Conflict, match="generation 1 is dropped: it cannot be published"):
            world.rollback(1)


class TestRetention:
    def test_the_newest_ones_stay(self, world: BatchWorld) -> None:
        for _ in range(5):
            world.run()
        assert world.generations.stored() == world.states.stored() == {3, 4, 5}
        assert [each.state for each in world.generations.all()] == ["ready"] * 3 + ["dropped"] * 2

    def test_a_generation_that_readers_may_still_read_stays(self, world: BatchWorld) -> None:
        patient = world.settings.model_copy(update={"batch_generations_kept": 1, "batch_grace_seconds": 600.0})
        for _ in range(3):
            world.run(settings=patient)
        assert world.generations.stored() == {1, 2, 3}

    def test_the_one_rolled_back_from_stays_before_older_ones(self, world: BatchWorld) -> None:
        for _ in range(3):
            world.run()
        world.rollback(2)
        world.run()
        assert world.generations.stored() == {2, 3, 4}
