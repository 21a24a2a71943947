"""The service: averages merged exactly, and a user's own writes awaited for a bounded time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.statistics import mean_rating
from cinematch.errors import WaitTimeout
from cinematch.settings import StatsMode
from serving_layer.answer import UserView, freshness, no_statistics
from serving_layer.service import TICK_SECONDS, UserStatsService

ratings = st.lists(st.integers(5, 100))


class Growing:
    """A source in which one more event has arrived at each read."""

    def __init__(self) -> None:
        self.reads = 0

    async def view(self, user_id: str) -> UserView:
        self.reads += 1
        covers = freshness(StatsMode.LAMBDA, as_of=0, applied=self.reads, latest=100)
        return UserView(user_id, no_statistics(), covers)


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def service(source: Growing, clock: Clock) -> UserStatsService:
    return UserStatsService(source, 1.0, clock, clock.sleep)


@given(batch=ratings, delta=ratings)
def test_a_merged_average_is_that_of_all_ratings(batch: list[int], delta: list[int]) -> None:
    merged = UserStatsService._merge_averages(sum(batch), len(batch), sum(delta), len(delta))
    assert merged == mean_rating(sum(batch + delta), len(batch + delta))


def test_a_count_that_stays_does_not_mean_an_average_that_stays() -> None:
    """One film rated 4 is exchanged for one rated 8; and a re-rating moves no count at all."""
    assert UserStatsService._merge_averages(40, 1, 40, 0) == 8.0


def test_the_average_of_nothing_rated_is_none() -> None:
    assert UserStatsService._merge_averages(80, 1, -80, -1) is None


async def test_without_min_sequence_the_first_answer_is_given() -> None:
    source = Growing()
    answer = await service(source, Clock()).get_user_stats("user")
    assert (answer["freshness"]["applied_sequence"], source.reads) == (1, 1)


async def test_an_answer_waits_until_it_contains_the_event() -> None:
    answer = await service(Growing(), Clock()).get_user_stats("user", min_sequence=5)
    assert answer["freshness"]["applied_sequence"] == 5


async def test_the_wait_is_bounded_and_says_how_far_it_got() -> None:
    clock, source = Clock(), Growing()
    with pytest.raises(WaitTimeout, match=r"event 100 is not in the statistics after 1 s; they reach event \d+"):
        await service(source, clock).get_user_stats("user", min_sequence=100)
    assert clock.now <= 1.0
    assert source.reads < 20


async def test_all_who_wait_read_at_the_same_moments() -> None:
    """However they came: so their reads are one group of the store's."""
    moments = []
    for began in (0.0, 0.0031, 7.7777):
        clock = Clock()
        clock.now = began
        await service(Growing(), clock).get_user_stats("user", min_sequence=4)
        moments.append(clock.now / TICK_SECONDS)
    assert moments == pytest.approx([round(moment) for moment in moments])


async def test_a_wait_is_seen_to_end_soon_beside_how_long_it_was() -> None:
    reads = []
    for events in range(1, 10):
        clock = Clock()
        await service(Growing(), clock).get_user_stats("user", min_sequence=events)
        reads.append(clock.now)
    assert all(later <= 1.5 * earlier + 2 * TICK_SECONDS for earlier, later in pairwise(reads))
