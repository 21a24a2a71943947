"""Totals form a commutative group: identity, associativity, inverse, split anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.totals import Totals, rating_bucket
from cinematch.domain.watchlist import replay
from tests.strategies import History, histories


def totals_of(history: History, start: int, end: int) -> Totals:
    entries = list(replay(history.events).entries.values())
    return Totals.of(entries[start:end], history.films)


cuts = st.integers(0, 40)


@given(histories(), cuts)
def test_entries_may_be_split_anywhere(history: History, cut: int) -> None:
    whole = totals_of(history, 0, 100)
    assert totals_of(history, 0, cut) + totals_of(history, cut, 100) == whole
    assert totals_of(history, cut, 100) + totals_of(history, 0, cut) == whole


@given(histories(), cuts, cuts)
def test_addition_is_associative(history: History, one: int, two: int) -> None:
    a, b, c = totals_of(history, 0, one), totals_of(history, one, two), totals_of(history, 2, 9)
    assert (a + b) + c == a + (b + c)


@given(histories(), cuts)
def test_what_is_subtracted_leaves_no_trace(history: History, cut: int) -> None:
    whole, part = totals_of(history, 0, 100), totals_of(history, 0, cut)
    assert whole - part == totals_of(history, cut, 100)
    assert whole - whole == Totals()
    assert whole + Totals() == whole


def test_rating_bucket_rounds_up() -> None:
    assert [rating_bucket(tenths) for tenths in (5, 10, 11, 95, 100)] == [1, 1, 2, 10, 10]
