"""What is counted of applied events: each answer of the view, also those that came before a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from cinematch.contracts.event_codec import encode
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.contracts.speed_view import Applied
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from speed_layer.applier import USERS_PER_CALL, Applier, Arrival, Outcomes
from speed_layer.worker import Report
from tests.histories import add
from tests.twins.memory_speed_view import MemorySpeedView

LOG = LogPartition("log", 0)


class NoLetters:
    """Nothing is refused here."""

    def publish(self, letters: object) -> None:
        raise AssertionError(letters)


class LeavingView(MemorySpeedView):
    """A view that goes away after some calls, until it is told to come back."""

    calls_left = 1

    def apply(self, events: Mapping[str, Sequence[Event]]) -> dict[str, Applied]:
        if self.calls_left == 0:
            raise StoreUnavailable("redis", "away")
        self.calls_left -= 1
        return super().apply(events)


def arrivals(*events: Event) -> list[Arrival]:
    return [
        Arrival(LogRecord(LOG, offset, None, event.user_id.encode(), encode(event)))
        for offset, event in enumerate(events)
    ]


def test_what_was_applied_before_a_failure_is_told_and_no_event_is_told_as_applied_twice() -> None:
    view, told = LeavingView(), list[Outcomes]()
    applier = Applier(view, NoLetters(), told.append)
    batch = arrivals(*(add(1, "a", user_id=str(number)) for number in range(USERS_PER_CALL + 50)))
    with pytest.raises(StoreUnavailable):
        applier.apply(batch)
    assert sum(it.applied for outcomes in told for it in outcomes.values()) == USERS_PER_CALL
    view.calls_left = 2
    applier.apply(batch)
    counted = [it for outcomes in told for it in outcomes.values()]
    assert sum(it.applied for it in counted) == USERS_PER_CALL + 50
    assert sum(it.duplicates for it in counted) == USERS_PER_CALL


def test_a_report_of_a_worker_has_what_was_answered_before_the_store_went_away() -> None:
    view, report = LeavingView(), Report()
    applier = Applier(view, NoLetters(), report.tell)
    gap = arrivals(add(1, "a", user_id="gap"), add(1, "a", user_id="whole"), add(3, "c", user_id="gap"))
    others = arrivals(*(add(1, "a", user_id=str(number)) for number in range(USERS_PER_CALL)))
    with pytest.raises(StoreUnavailable):
        applier.apply([*gap, *others])
    rows = report.rows()
    assert rows[0] == {"applied": USERS_PER_CALL, "duplicates": 0}
    assert {"gap_user": "gap"} in rows
    assert {"broken_user": "whole"} in rows
