"""What the speed view must cover beside the published boundary, and where lake and log part."""

from __future__ import annotations

import pytest

from tests.histories import add
from tests.oracle.arrivals import alike_events, covers


@pytest.mark.parametrize("views", [{"ann": (3, 9)}, {"ann": (1, 12)}, {"ann": (3, 9), "bob": (0, 1)}])
def test_a_view_that_joins_the_boundary_and_reaches_the_last_sequence_covers_it(
    views: dict[str, tuple[int, int]],
) -> None:
    assert covers({"ann": 3}, views, {"ann": 9})


@pytest.mark.parametrize("views", [{}, {"ann": (4, 9)}, {"ann": (3, 8)}, {"bob": (3, 9)}])
def test_a_view_that_is_not_there_or_leaves_a_hole_or_ends_early_does_not(views: dict[str, tuple[int, int]]) -> None:
    assert not covers({"ann": 3}, views, {"ann": 9})


def test_without_a_batch_the_view_begins_at_the_beginning() -> None:
    assert covers({}, {"ann": (0, 2)}, {"ann": 2})
    assert not covers({}, {"ann": (1, 2)}, {"ann": 2})


def test_events_are_alike_up_to_the_first_that_differs() -> None:
    log = [add(1, "a"), add(2, "b"), add(3, "c")]
    assert alike_events(log, [add(1, "a"), add(2, "b", 7), add(3, "c")]) == 1
    assert alike_events(log, log[:2]) == 2
