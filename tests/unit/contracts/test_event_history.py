"""Two histories answer as one, without a gap and without inventing completeness."""

from __future__ import annotations

from cinematch.contracts.event_history import JoinedHistory
from cinematch.domain.events import Event
from tests.histories import add
from tests.twins.memory_batch import MemoryLake


def events(first: int, last: int) -> list[Event]:
    return [add(number, f"m{number}") for number in range(first, last + 1)]


def history(recent: list[Event], old: list[Event]) -> JoinedHistory:
    return JoinedHistory(MemoryLake(recent), MemoryLake(old))


def test_what_the_recent_store_has_whole_needs_no_other() -> None:
    assert history(events(3, 6), []).events_after("user", 2) == events(3, 6)


def test_the_old_store_leads_up_to_the_recent_one() -> None:
    assert history(events(5, 8), events(1, 6)).events_after("user", 2) == events(3, 8)


def test_a_hole_between_the_two_ends_the_answer() -> None:
    assert history(events(7, 8), events(1, 4)).events_after("user", 2) == events(3, 4)


def test_events_that_neither_has_give_nothing() -> None:
    assert history(events(7, 8), events(1, 2)).events_after("user", 3) == []
    assert history([], []).events_after("user", 0) == []
