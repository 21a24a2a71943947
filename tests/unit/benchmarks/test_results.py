"""The result files: their schema, and what a further run replaces."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks import registry, results
from benchmarks.results import Results, Runs
from benchmarks.rows import Curve, Findings, alone, compared

RUN = {"measured_at": "2026-01-19T00:00:00+00:00", "quick": True, "seconds": 1.0, "machine": {"processor": "one"}}
FULL = RUN | {"quick": False}
NOTHING = Results((), {})


def merged(before: Results, measure: str, *names: str, figure: float = 1.0, quick: bool = True) -> Results:
    rows = [alone(name, "ms", [figure]) for name in names]
    return results.merge(before, measure, Findings(rows), RUN if quick else FULL, ("first", "second"))


def figures(runs: Runs) -> dict[str, float]:
    return {row.measure: row.ours for row in runs.rows}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    findings = Findings(
        [compared("a", "ms", [1.0], [2.0])], [Curve("scale", "x", (1.0,), (2.0,), is_model=True)], ["so"]
    )
    told = results.merge(NOTHING, "first", findings, RUN)
    results.write(told, tmp_path)
    assert results.read(tmp_path) == told
    assert results.read(tmp_path).curves() == findings.curves


def test_without_files_nothing_was_measured(tmp_path: Path) -> None:
    assert results.read(tmp_path) == NOTHING


def test_latest_is_a_list_of_rows(tmp_path: Path) -> None:
    results.write(merged(NOTHING, "first", "a"), tmp_path)
    (row,) = orjson.loads((tmp_path / results.LATEST).read_bytes())
    assert list(row) == ["measure", "ours", "beside", "unit", "ratio", "spread", "goal", "met"]


def test_a_run_replaces_the_rows_of_its_measure_only() -> None:
    before = merged(merged(NOTHING, "first", "a", "gone"), "second", "b")
    after = merged(before, "first", "a", "new", figure=2.0)
    assert [(row.measure, row.ours) for row in after.rows] == [("a", 2.0), ("new", 2.0), ("b", 1.0)]


def test_rows_are_in_the_order_of_the_table_whoever_ran_first() -> None:
    assert [row.measure for row in merged(merged(NOTHING, "second", "b"), "first", "a").rows] == ["a", "b"]


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        merged(NOTHING, "first", "a", "a")
    with pytest.raises(ValueError, match="two rows"):
        merged(merged(NOTHING, "first", "a"), "second", "a")


def test_a_quick_run_is_among_the_latest_until_there_is_a_full_one() -> None:
    quick = merged(NOTHING, "first", "a", "small")
    assert figures(quick) == figures(quick.quick) == {"a": 1.0, "small": 1.0}
    full = merged(quick, "first", "a", "large", figure=2.0, quick=False)
    assert figures(full) == {"a": 2.0, "large": 2.0}
    assert full.quick == quick.quick


def test_a_quick_run_leaves_what_was_measured_in_full() -> None:
    full = merged(NOTHING, "first", "a", "large", figure=2.0, quick=False)
    assert not full.quick.rows
    both = merged(full, "first", "a", "small", figure=3.0)
    assert figures(both) == figures(full)
    assert both.context == full.context
    assert figures(both.quick) == {"a": 3.0, "small": 3.0}
    other = merged(both, "second", "b")
    assert figures(other) == {"a": 2.0, "large": 2.0, "b": 1.0}


def test_quick_runs_have_files_of_their_own(tmp_path: Path) -> None:
    found = merged(merged(NOTHING, "first", "a", quick=False), "first", "a", figure=3.0)
    results.write(found, tmp_path)
    assert results.read(tmp_path) == found
    for name, ours in ((results.LATEST, 1.0), (results.QUICK, 3.0)):
        assert [row["ours"] for row in orjson.loads((tmp_path / name).read_bytes())] == [ours]


def ratios(*rounds: tuple[float, float], name: str = "a") -> Findings:
    ours, beside = zip(*rounds, strict=True)
    return Findings([compared(name, "ms", ours, beside), alone("by itself", "ms", [1.0])])


def test_a_repetition_agrees_where_the_spreads_meet() -> None:
    before = results.merge(NOTHING, "first", ratios((1.0, 2.0), (1.2, 2.0)), RUN)
    told = {"before": RUN["measured_at"], "ratios": 1, "apart": []}
    assert results.repeated(before, "first", ratios((1.1, 2.0), (5.0, 2.0)), RUN) == {"repeated": told}
    assert results.repeated(before, "first", ratios((0.4, 2.0), (9.0, 2.0)), RUN) == {"repeated": told}


def test_a_repetition_names_the_ratios_that_it_did_not_find_again() -> None:
    before = results.merge(NOTHING, "first", ratios((1.0, 2.0), (1.2, 2.0)), RUN)
    for other in (ratios((1.3, 2.0), (1.4, 2.0)), ratios((0.7, 2.0), (0.9, 2.0))):
        assert results.repeated(before, "first", other, RUN)["repeated"]["apart"] == ["a"]


def test_what_was_not_measured_before_in_the_same_way_is_no_repetition() -> None:
    two = (1.0, 2.0), (1.1, 2.0)
    before = results.merge(NOTHING, "first", ratios(*two), RUN)
    assert not results.repeated(before, "first", ratios(*two), FULL)
    assert not results.repeated(before, "second", ratios(*two), RUN)
    assert not results.repeated(before, "first", ratios(*two, name="b"), RUN)
    assert not results.repeated(before, "first", ratios((1.0, 2.0)), RUN)
    assert not results.repeated(before, "first", ratios(*two), RUN | {"machine": {"processor": "another"}})


def test_runs_are_compared_with_those_of_their_kind() -> None:
    quick, full = ratios((1.0, 2.0), (1.2, 2.0)), ratios((3.0, 2.0), (3.2, 2.0))
    before = results.merge(results.merge(NOTHING, "first", quick, RUN), "first", full, FULL)
    for again, run, other in ((quick, RUN, FULL), (full, FULL, RUN)):
        assert results.repeated(before, "first", again, run)["repeated"]["apart"] == []
        assert results.repeated(before, "first", again, other)["repeated"]["apart"] == ["a"]


def test_every_measure_tells_what_it_does_and_what_limits_it() -> None:
    for name in registry.NAMES:
        measure = registry.load(name)
        assert measure.__doc__
        assert measure.TITLE
        assert measure.LIMIT
        quick, full = measure.SECONDS
        assert quick is None or quick <= full
    assert len({registry.load(name).TITLE for name in registry.NAMES}) == len(registry.NAMES)
