"""Two histories answer as one, without a gap and without inventing completeness."""

from __future__ import annotations

import pytest

from cinematch.contracts.event_history import REST_SECONDS, JoinedHistory
from cinematch.domain.events import Event
from cinematch.errors import AccessRefused, StoreUnavailable
from tests.histories import add
from tests.twins.memory_batch import MemoryLake


def events(first: int, last: int) -> list[Event]:
    return [add(number, f"m{number}") for number in range(first, last + 1)]


def history(recent: list[Event], old: list[Event]) -> JoinedHistory:
    return JoinedHistory(MemoryLake(recent), MemoryLake(old))


def test_what_the_recent_store_has_whole_needs_no_other() -> None:
    assert history(events(3, 6), []).events_after("user", 2, reach=6) == events(3, 6)


def test_the_old_store_leads_up_to_the_recent_one() -> None:
    assert history(events(5, 8), events(1, 6)).events_after("user", 2, reach=8) == events(3, 8)


def test_a_hole_between_the_two_ends_the_answer() -> None:
    assert history(events(7, 8), events(1, 4)).events_after("user", 2, reach=8) == events(3, 4)


def test_the_old_store_closes_holes_of_the_recent_one() -> None:
    recent = [*events(1, 1), *events(4, 4), *events(9, 10)]
    assert history(recent, events(1, 8)).events_after("user", 0, reach=10) == events(1, 10)
    assert history(recent, [*events(2, 3), *events(5, 8)]).events_after("user", 0, reach=10) == events(1, 10)
    assert history(recent, events(2, 3)).events_after("user", 0, reach=10) == events(1, 4)
    assert history(events(1, 1), events(2, 10)).events_after("user", 0, reach=10) == events(1, 10)


def test_events_that_neither_has_give_nothing() -> None:
    assert history(events(7, 8), events(1, 2)).events_after("user", 3, reach=8) == []
    assert history([], []).events_after("user", 0, reach=1) == []


def test_an_old_store_that_is_away_is_asked_once_in_a_while_and_not_for_each_user() -> None:
    now = 0.0

    class Away(MemoryLake):
        asked = 0

        def events_after(self, user_id: str, sequence: int) -> list[Event]:
            self.asked += 1
            raise AccessRefused("s3", "a test says so", "S3_ACCESS_KEY_ID")

    away = Away()
    joined = JoinedHistory(MemoryLake(events(5, 8)), away, lambda: now)
    for _ in range(3):
        with pytest.raises(AccessRefused, match="a test says so"):
            joined.events_after("user", 0, reach=8)
    assert joined.events_after("user", 4, reach=8) == events(5, 8)
    assert away.asked == 1
    now = REST_SECONDS
    with pytest.raises(StoreUnavailable):
        joined.events_after("user", 0, reach=8)
    assert away.asked == 2
