"""A row says what was measured, and whether that is what was asked for."""

from __future__ import annotations

import pytest

from benchmarks.quantiles import percentile
from benchmarks.rows import Bound, Findings, Goal, Unfinished, alone, compared


def test_the_ratio_is_the_median_of_the_rounds_own() -> None:
    row = compared("m", "events/s", [10.0, 30.0, 20.0], [10.0, 10.0, 40.0])
    assert (row.ours, row.beside, row.ratio) == (20.0, 10.0, 1.0)  # and not 20 / 10
    assert row.spread == (0.5, 3.0)


def test_a_figure_alone_is_spread_by_itself() -> None:
    row = alone("m", "ms", [3.0, 1.0, 2.0])
    assert (row.ours, row.beside, row.ratio, row.spread) == (2.0, None, None, (1.0, 3.0))
    assert (row.goal, row.met) == (None, None)


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal(Bound.AT_LEAST, 0.5), True),
        (Goal(Bound.AT_LEAST, 0.51), False),
        (Goal(Bound.AT_MOST, 0.5), True),
        (Goal(Bound.AT_MOST, 0.49), False),
        (Goal(Bound.AT_MOST, 10.0, of_ratio=False), True),
        (Goal(Bound.AT_MOST, 9.0, of_ratio=False), False),
    ],
)
def test_a_goal_is_of_the_ratio_or_of_our_figure(goal: Goal, met: bool) -> None:
    assert compared("m", "ms", [10.0], [20.0], goal).met is met


def test_a_goal_says_what_it_is_of() -> None:
    assert str(Goal(Bound.AT_LEAST, 0.5)) == "ratio at least 0.5"
    assert str(Goal(Bound.AT_MOST, 50.0, of_ratio=False)) == "at most 50"


def test_a_goal_for_the_ratio_needs_something_beside() -> None:
    with pytest.raises(ValueError, match="beside"):
        alone("m", "ms", [1.0], Goal(Bound.AT_LEAST, 1.0))


def test_rounds_are_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        compared("m", "ms", [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="nothing beside"):
        compared("m", "ms", [1.0, 2.0], [1.0, 0.0])


def test_figures_keep_four_digits() -> None:
    assert alone("m", "bytes", [123456.0]).ours == 123500.0


def test_a_percentile_is_the_value_below_which_so_many_lie() -> None:
    values = [float(value) for value in range(101)]
    assert [percentile(values, share) for share in (1, 50, 99)] == [1.0, 50.0, 99.0]


def test_a_part_that_fails_hands_over_what_was_found_and_says_why() -> None:
    findings = Findings([alone("m", "ms", [1.0])])
    with pytest.raises(Unfinished) as raised, findings.part("the lake sink"):
        raise TimeoutError("too\nlong" + " and longer" * 100)
    assert raised.value.findings is findings
    (remark,) = findings.remarks
    assert "the lake sink failed" in remark
    assert "TimeoutError: too long and" in remark
    assert len(remark) < 300


def test_a_part_that_is_done_leaves_no_remark() -> None:
    findings = Findings()
    with findings.part("the lake sink"):
        findings.rows.append(alone("m", "ms", [1.0]))
    assert not findings.remarks
