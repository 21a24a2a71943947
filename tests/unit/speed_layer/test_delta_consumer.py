"""What the delta consumer tells its group never goes back, whoever had a partition meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event as StopSignal
from typing import Any

import pytest

from cinematch.contracts.log_record import LogPartition, LogRecord
from speed_layer import delta_consumer
from speed_layer.applier import Applier
from speed_layer.delta_consumer import HANDFUL_RECORDS, PACE_SECONDS, DeltaConsumer
from tests.twins.memory_speed_view import MemorySpeedView
from tests.unit.speed_layer.test_applier import Letters

PLACES = [LogPartition("deltas", number) for number in (0, 1)]


@dataclass
class Group:
    """A group whose other members are played by the test: it gives partitions, takes them, and moves their marks."""

    marks: dict[LogPartition, int] = field(default_factory=dict)
    started: dict[LogPartition, int] = field(default_factory=dict)
    new: set[LogPartition] = field(default_factory=set)
    stop: StopSignal = field(default_factory=StopSignal)
    records_a_poll: int = 1

    def give(self, place: LogPartition) -> None:
        self.new.add(place)

    def take(self, place: LogPartition, committed: int) -> None:
        self.started.pop(place, None)
        self.new.discard(place)
        self.marks[place] = committed

    def waiting(self) -> set[LogPartition]:
        return set(self.new)

    def assigned(self) -> set[LogPartition]:
        return self.new | self.started.keys()

    def committed(self, place: LogPartition) -> int:
        return self.marks.get(place, 0)

    def start(self, place: LogPartition, offset: int) -> None:
        self.new.discard(place)
        self.started[place] = offset

    def poll(self, _: float) -> dict[LogPartition, list[LogRecord]]:
        more = range(self.records_a_poll)
        started, self.started = self.started, {place: at + len(more) for place, at in self.started.items()}
        return {
            place: [LogRecord(place, at + step, None, None, b"{}") for step in more] for place, at in started.items()
        }

    def commit(self, offsets: Mapping[LogPartition, int]) -> None:
        back = {place: offset for place, offset in offsets.items() if offset < self.marks.get(place, 0)}
        assert not back, f"went back from {self.marks}"
        self.marks |= offsets

    def close(self) -> None:
        """Leave."""


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    monkeypatch.setattr(delta_consumer, "COMMIT_SECONDS", 0)
    return Group()


def consumer_of(group: Any) -> DeltaConsumer:
    return DeltaConsumer(group, Applier(MemorySpeedView(), Letters()), lambda _: None)


def test_a_partition_that_comes_back_goes_on_where_the_other_member_was(group: Group) -> None:
    consumer = consumer_of(group)
    for place in PLACES:
        group.give(place)
    consumer.step()
    group.take(PLACES[0], committed=500)
    group.give(PLACES[0])
    new = {PLACES[1]: [LogRecord(PLACES[1], 1, None, None, b"{}")]}
    group.poll = lambda _: new  # type: ignore[method-assign]
    consumer.step()
    assert group.marks == {PLACES[0]: 500, PLACES[1]: 2}


def test_who_leaves_says_nothing_of_partitions_that_others_have(group: Group) -> None:
    consumer = consumer_of(group)
    for place in PLACES:
        group.give(place)
    consumer.step()
    group.take(PLACES[0], committed=500)
    group.stop.set()
    consumer.run(group.stop)
    assert group.marks == {PLACES[0]: 500, PLACES[1]: 1}


@dataclass
class Clock:
    """Time that passes only while somebody sleeps, or the test says so."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_a_busy_log_is_taken_in_handfuls_and_a_quiet_one_at_once(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(delta_consumer, "time", clock)
    consumer = consumer_of(group)
    consumer.step()  # no record
    group.give(PLACES[0])
    consumer.step()
    consumer.step()
    group.records_a_poll = HANDFUL_RECORDS
    consumer.step()
    consumer.step()
    clock.now += 1
    consumer.step()
    assert clock.slept == [0, 0, 0, 0, pytest.approx(PACE_SECONDS), 0]
