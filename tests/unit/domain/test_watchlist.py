"""The fold of a user's events."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.watchlist import Watchlist, replay, without_gap
from cinematch.errors import SequenceGap
from tests.histories import add, delete
from tests.strategies import History, histories


@given(histories(), st.randoms(use_true_random=False))
def test_order_and_repeats_of_delivery_do_not_matter(history: History, randomness: random.Random) -> None:
    delivered = history.events + randomness.sample(history.events, len(history.events) // 2)
    randomness.shuffle(delivered)
    assert replay(delivered) == replay(history.events)


@given(histories(), st.integers(0, 60))
def test_a_replay_may_go_on_from_any_state(history: History, cut: int) -> None:
    state = replay(history.events[:cut])
    assert replay(history.events, start=state) == replay(history.events)


def test_only_the_prefix_before_a_gap_counts() -> None:
    assert replay([add(1, "a"), add(3, "c")]).sequence == 1


@given(histories(), st.integers(0, 60), st.integers(1, 60), st.randoms(use_true_random=False))
def test_without_a_gap_are_those_before_the_first_that_is_missing(
    history: History, after: int, missing: int, randomness: random.Random
) -> None:
    delivered = [event for event in history.events if event.sequence != missing] * 2
    randomness.shuffle(delivered)
    end = missing if missing > after else len(history.events) + 1
    assert without_gap(after, delivered) == history.events[after : max(after, end - 1)]


def test_a_gap_is_refused() -> None:
    with pytest.raises(SequenceGap, match="expected sequence 1, found 2"):
        Watchlist().apply(add(2, "b"))


def test_a_known_event_changes_nothing() -> None:
    watchlist = replay([add(1, "a"), delete(2, add(1, "a"))])
    assert watchlist.apply(add(1, "a")) is False
    assert watchlist.entries == {}


def test_replay_leaves_its_start_alone() -> None:
    start = replay([add(1, "a")])
    replay([add(2, "b")], start=start)
    assert list(start.entries) == ["a"]
