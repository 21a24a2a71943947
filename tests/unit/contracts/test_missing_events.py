"""What lacks between the events that are known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cinematch.contracts.missing_events import Gap, gaps


def test_each_hole_is_one_gap() -> None:
    assert list(gaps(3, [9, 5, 6, 12, 9, 2])) == [Gap(4, 4), Gap(7, 8), Gap(10, 11)]
    assert list(gaps(3, [4, 5])) == list(gaps(3, [])) == []


@given(st.integers(0, 20), st.sets(st.integers(1, 60)))
def test_the_gaps_and_what_is_known_are_everything_up_to_the_last(reached: int, known: set[int]) -> None:
    missing = [it for gap in gaps(reached, known) for it in range(gap.first, gap.last + 1)]
    later = {it for it in known if it > reached}
    assert sorted([*missing, *later]) == list(range(reached + 1, max(later, default=reached) + 1))
