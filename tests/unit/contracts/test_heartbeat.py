"""The heartbeat of a process: told while it lives, given back when it is asked to end, left behind otherwise."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from cinematch.companion import Companion, accompanied
from cinematch.contracts.heartbeat import Heartbeat
from cinematch.errors import StoreUnavailable
from tests.twins.memory_lease import Holding, MemoryLease

PATIENCE_SECONDS = 30.0


class CountedLease(MemoryLease):
    """A lease that counts beats, and is away for the first ones."""

    def __init__(self, away: int = 0) -> None:
        super().__init__("host/1", Holding(), 0.01)
        self.away = away
        self.beats = 0
        self.third = threading.Event()

    def acquire(self, *, gives_way: bool = False) -> bool:
        self.beats += 1
        if self.beats <= self.away:
            raise StoreUnavailable("mongodb", "away")
        if self.beats >= self.away + 3:
            self.third.set()
        return super().acquire(gives_way=gives_way)


def beaten(lease: CountedLease) -> Companion:
    """Beat three times at least; what ended the beating is kept."""
    with accompanied("heartbeat", Heartbeat(lease).run) as beating:
        assert lease.third.wait(PATIENCE_SECONDS)
    return beating


def test_it_beats_until_it_is_stopped_and_leaves_its_last_beat_behind() -> None:
    lease = CountedLease()
    beaten(lease).check()
    assert lease.holder() == "host/1"


def test_of_two_processes_one_is_told_of_and_the_other_once_that_is_gone() -> None:
    one = CountedLease()
    other = CountedLease()
    other.holding, other.owner = one.holding, "host/2"
    beaten(one)
    beaten(other)
    assert one.holder() == "host/1"
    one.holding.expire()
    beaten(other)
    assert one.holder() == "host/2"


def test_beats_that_the_store_does_not_take_end_nothing() -> None:
    lease = CountedLease(away=5)
    beaten(lease).check()
    assert lease.holder() == "host/1"


@pytest.mark.parametrize("fault", [None, ValueError("Spark does not end")])
def test_an_end_that_was_asked_for_is_told_however_the_work_ends(fault: Exception | None) -> None:
    lease, asked = CountedLease(), threading.Event()
    beaten(lease)
    with suppress(ValueError), Heartbeat(lease).ended_if(asked):
        asked.set()
        if fault is not None:
            raise fault
    assert lease.holder() is None


def test_an_end_that_nobody_asked_for_is_not_told() -> None:
    lease = CountedLease()
    beaten(lease)
    with suppress(ValueError), Heartbeat(lease).ended_if(threading.Event()):
        raise ValueError("the stream has ended")
    assert lease.holder() == "host/1"


def test_an_end_that_the_store_does_not_take_raises_nothing() -> None:
    class Gone(CountedLease):
        def release(self) -> None:
            raise StoreUnavailable("mongodb", "away")

    asked = threading.Event()
    asked.set()
    with Heartbeat(Gone()).ended_if(asked):
        pass
