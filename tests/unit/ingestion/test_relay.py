"""The relay over simulated stores that fail at any step: nothing is skipped, first copies are in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event as StopSignal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from ingestion.relay import SWEEP_SECONDS, Relay
from ingestion.tenure import LEASE_SECONDS, LeaseLost, Tenure
from tests.histories import add


class HeldLease:
    """A lease that nobody contests."""

    def acquire(self) -> bool:
        return True

    def renew(self) -> bool:
        return True

    def release(self) -> None:
        pass


@dataclass
class World:
    """MongoDB and Kafka as the relay sees them; the call of number `fails_at` fails, and what was sent may get lost."""

    written: list[Event] = field(default_factory=list)
    to_come: list[Event] = field(default_factory=list)
    marked: set[str] = field(default_factory=set)
    log: list[Event] = field(default_factory=list)
    place: int | None = None
    fails_at: int = -1
    survivors: int = 0
    calls: int = 0

    def step(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise StoreUnavailable("simulated", "now")

    def write_next(self) -> None:
        if self.to_come:
            self.written.append(self.to_come.pop(0))

    def unpublished(self) -> list[Event]:
        left = [event for event in self.written if event.event_id not in self.marked]
        return sorted(left, key=lambda event: (event.user_id, event.sequence))


class Run:
    """One run's feed, outbox and publisher over the world; it stops when everything has come and gone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stop = StopSignal()
        self.position = len(world.written) if world.place is None else world.place
        self.pending: list[Event] = []

    def next(self) -> Event | None:
        self.world.step()
        self.world.write_next()
        if self.position < len(self.world.written):
            self.position += 1
            return self.world.written[self.position - 1]
        if not self.world.to_come and not self.pending:
            self.stop.set()
        return None

    def save(self) -> None:
        self.world.step()
        self.world.place = self.position

    def unpublished(self) -> Iterator[Event]:
        self.world.step()
        for event in self.world.unpublished():
            yield event
            self.world.write_next()

    def mark_published(self, events: list[Event]) -> None:
        self.world.step()
        self.world.marked |= {event.event_id for event in events}

    def publish(self, event: Event) -> None:
        self.world.step()
        self.pending.append(event)

    def wait(self, timeout_seconds: float) -> bool:
        self.world.step()
        self.world.log += self.pending
        self.pending = []
        return True

    def execute(self) -> None:
        tenure = Tenure(HeldLease())
        assert tenure.begin()
        try:
            Relay(self, self, self, tenure, self.stop).run()
        finally:
            self.world.log += self.pending[: self.world.survivors]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds of a few users; some events are written before the first run, the others come during the runs."""
    users = draw(st.lists(st.sampled_from("abc"), max_size=25))
    issued: dict[str, int] = {}
    events: list[Event] = []
    for number, user in enumerate(users):
        issued[user] = issued.get(user, 0) + 1
        events.append(add(issued[user], f"m{number}", user_id=user, event_id=f"{user}-{issued[user]}"))
    cut = draw(st.integers(0, len(events)))
    return World(written=events[:cut], to_come=events[cut:])


failures = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=5)


@given(worlds(), failures)
def test_whatever_fails_nothing_is_skipped_and_first_copies_are_in_order(
    world: World, failures: list[tuple[int, int]]
) -> None:
    everything = [*world.written, *world.to_come]
    for fails_at, survivors in failures:
        world.calls, world.fails_at, world.survivors = 0, fails_at, survivors
        try:
            Run(world).execute()
        except StoreUnavailable:
            continue
    world.fails_at = -1
    Run(world).execute()
    for user in "abc":
        copies = [event.sequence for event in world.log if event.user_id == user]
        assert list(dict.fromkeys(copies)) == [event.sequence for event in everything if event.user_id == user]
    assert world.marked == {event.event_id for event in everything}


def test_without_failures_every_event_is_published_once() -> None:
    world = World(written=[add(1, "a", event_id="1"), add(2, "b", event_id="2")], to_come=[add(3, "c", event_id="3")])
    Run(world).execute()
    Run(world).execute()
    assert [event.sequence for event in world.log] == [1, 2, 3]


def test_a_feed_that_pauses_before_what_was_swept_repeats_nothing() -> None:
    world = World(written=[add(1, "a", event_id="1"), add(2, "b", event_id="2")], place=0)
    run = Run(world)
    answers = [lambda: None, run.next, run.next]
    run.next = lambda: answers.pop(0)() if answers else run.stop.set()  # type: ignore[method-assign]
    run.execute()
    assert [event.sequence for event in world.log] == [1, 2]


def test_nothing_is_marked_before_it_is_acknowledged() -> None:
    world = World(written=[add(1, "a", event_id="1")])
    run = Run(world)
    run.wait = lambda timeout_seconds: run.stop.set() or False  # type: ignore[method-assign,func-returns-value]
    run.execute()
    assert world.marked == set()
    assert world.place is None


def test_what_the_feed_misses_is_published_by_a_sweep() -> None:
    world = World(to_come=[add(1, "a", event_id="1"), add(2, "b", event_id="2")])
    run, clock = Run(world), Clock()

    def is_silent() -> None:
        world.write_next()
        clock.now += 1
        if clock.now > 3 * SWEEP_SECONDS:
            run.stop.set()

    run.next = is_silent  # type: ignore[method-assign]
    tenure = Tenure(HeldLease(), clock)
    assert tenure.begin()
    Relay(run, run, run, tenure, run.stop, clock).run()
    assert [event.sequence for event in world.log] == [1, 2]


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_relay_that_was_suspended_sends_nothing_more() -> None:
    clock = Clock()
    tenure = Tenure(HeldLease(), clock)
    assert tenure.begin()
    run = Run(World(written=[add(1, "a", event_id="1")]))
    clock.now = LEASE_SECONDS
    with pytest.raises(LeaseLost):
        Relay(run, run, run, tenure, run.stop).run()
    assert run.pending == run.world.log == []


def test_a_lease_that_another_has_taken_is_lost() -> None:
    class Taken(HeldLease):
        def renew(self) -> bool:
            return False

    clock = Clock()
    tenure = Tenure(Taken(), clock)
    assert tenure.begin()
    tenure.check()
    clock.now = LEASE_SECONDS / 2
    with pytest.raises(LeaseLost):
        tenure.check()


def test_a_lease_counts_from_before_it_was_asked_for() -> None:
    clock = Clock()

    class Slow(HeldLease):
        def acquire(self) -> bool:
            clock.now += LEASE_SECONDS
            return True

    tenure = Tenure(Slow(), clock)
    assert tenure.begin()
    with pytest.raises(LeaseLost):
        tenure.check()
