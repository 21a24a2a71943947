"""The case table: which part of the speed view is added to a boundary, and when it cannot be."""

from __future__ import annotations

import pytest

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from serving_layer.reading import (
    BoundaryBehind,
    BoundaryOnly,
    DeltaAtBoundary,
    SpeedViewBroken,
    TailAfterBoundary,
    reading,
)
from tests.histories import add


def tail(*sequences: int) -> tuple[Event, ...]:
    return tuple(add(sequence, f"m{sequence}") for sequence in sequences)


def test_without_keys_the_boundary_is_the_answer() -> None:
    assert reading(5, None) == BoundaryOnly()


@pytest.mark.parametrize("last", [3, 5])
def test_events_up_to_the_boundary_add_nothing(last: int) -> None:
    assert reading(5, SpeedSnapshot(0, last, tail=tail(*range(1, last + 1)))) == BoundaryOnly()


def test_an_advanced_view_without_a_tail_adds_nothing() -> None:
    assert reading(5, SpeedSnapshot(5, 5)) == BoundaryOnly()


def test_a_view_that_starts_at_the_boundary_is_the_delta() -> None:
    snapshot = SpeedSnapshot(5, 7, movie_count=2, tail=tail(6, 7))
    assert reading(5, snapshot) == DeltaAtBoundary(snapshot)


def test_counters_that_do_not_fit_their_tail_are_never_merged() -> None:
    assert reading(5, SpeedSnapshot(5, 7, movie_count=3, tail=tail(6, 7))) == SpeedViewBroken()
    assert reading(5, SpeedSnapshot(5, 7, 2, genres={"Drama": 1}, tail=tail(6, 7))) == SpeedViewBroken()


def test_of_a_view_that_starts_earlier_only_the_tail_after_the_boundary_counts() -> None:
    assert reading(5, SpeedSnapshot(3, 7, movie_count=4, tail=tail(4, 5, 6, 7))) == TailAfterBoundary(tail(6, 7))


def test_a_view_that_starts_later_is_never_merged() -> None:
    assert reading(5, SpeedSnapshot(6, 8, tail=tail(7, 8))) == BoundaryBehind()


@pytest.mark.parametrize("kept", [(6, 8), (7, 8), (6, 7), (), (6, 6, 8), (8, 7, 6)])
@pytest.mark.parametrize("base", [3, 5])
def test_a_tail_with_a_hole_is_never_merged(base: int, kept: tuple[int, ...]) -> None:
    assert reading(5, SpeedSnapshot(base, 8, tail=tail(*kept))) == SpeedViewBroken()
