"""What a schedule on the running stack does is drawn from its seed, and from nothing else."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

import pytest

from cinematch.domain.events import Event
from tests.histories import add
from tests.oracle.client import Crew
from tests.oracle.stack_schedule import StackSchedule

ACTIONS = ("repeat veteran-0", "shuffle", "pause redis", "line kafka torn", "full mongodb", "older redis")


class Log:
    """An outbox in which every user has so many events."""

    def __init__(self, length: int) -> None:
        self._length = length

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        return [add(number, f"f{number}", 7, user_id=user_id) for number in range(sequence + 1, self._length + 1)]


class NotedFaults:
    """Does nothing, and notes for how long."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __getattr__(self, _fault: str) -> Any:
        return lambda *arguments: self.seconds.extend(it for it in arguments if isinstance(it, float))


def durations(seed: int, events: int) -> list[float]:
    faults = NotedFaults()
    given: dict[str, Any] = dict.fromkeys(each.name for each in fields(StackSchedule))
    schedule = StackSchedule(**given | {"seed": seed, "outbox": Log(events), "faults": faults})
    schedule.crew = cast(Crew, None)
    for action in ACTIONS:
        schedule._act(action)
    return faults.seconds


@pytest.mark.parametrize("events", [1, 100])
def test_how_long_a_fault_lasts_is_the_seeds_whatever_ran_before_and_however_long_the_logs_are(events: int) -> None:
    durations(16, events)
    assert durations(17, events) == durations(17, 10)
    assert len(durations(17, 10)) == 4
    assert durations(17, 10) != durations(18, 10)
