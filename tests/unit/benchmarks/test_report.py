"""docs/performance.md is what the report makes of the result files, and the files fit their schema."""

from __future__ import annotations

import json

import pytest

from benchmarks import registry, report, results
from benchmarks.results import Results
from benchmarks.rows import Bound, Curve, Findings, Goal, Row, alone, compared

MACHINE = {
    "processor": "P",
    "cores": 2,
    "busy_percent_before": 3.0,
    "memory_gib": 24,
    "system": "Linux",
    "python": "3.11",
    "java": "17",
    "packages": {"redis": "8"},
}
RUN = {"measured_at": "2026-01-19T00:00:00+00:00", "quick": True, "seconds": 12.5, "machine": MACHINE}


@pytest.fixture
def found() -> Results:
    findings = Findings(
        [
            compared("rate", "events/s", [1500.0, 1600.0], [1000.0, 1000.0], Goal(Bound.AT_LEAST, 1.0)),
            alone("slow", "ms", [9.0, 11.0, 10.0], Goal(Bound.AT_MOST, 5.0, of_ratio=False)),
        ],
        [Curve("scale", "ours", (1.0, 2.0), (3.0, 4.0)), Curve("scale", "ours", (2.0, 9.0), (4.0, 5.0), is_model=True)],
        ["It was so."],
    )
    return results.merge(Results((), {}), "speed_apply", findings, RUN)


def test_a_table_shows_what_a_row_has(found: Results) -> None:
    _, _, rate, slow = report.table(found.rows)
    assert rate == "| rate | events/s | 1,550 | 1,000 | 1.55 | 1.5 to 1.6 | ratio at least 1 | yes |"
    assert slow == "| slow | ms | 10 |  |  | 9 to 11 | at most 5 | **no** |"


def test_the_page_shows_goals_method_machine_and_limit(found: Results) -> None:
    page = report.page(found)
    measure = registry.load("speed_apply")
    assert "1 of 2 goals are met" in page
    assert f"## {measure.TITLE}" in page
    assert measure.LIMIT in page
    assert "*Method* (`speed_apply`). A Redis alone" in page
    assert "P, 2 cores, 24 GiB" in page
    assert "- It was so." in page
    assert "(images/performance/scale.svg)" in page


def test_the_page_tells_which_ratios_a_second_run_found_again(found: Results) -> None:
    assert "does not agree" not in report.page(found)
    rows = list(found.rows)
    run = RUN | results.repeated(found, "speed_apply", Findings(rows), RUN)
    assert "| 1 of 1 |" in report.page(results.merge(found, "speed_apply", Findings(rows), run))
    rows[0] = compared("rate", "events/s", [900.0, 910.0], [1000.0, 1000.0])
    run = RUN | results.repeated(found, "speed_apply", Findings(rows), RUN)
    page = report.page(results.merge(found, "speed_apply", Findings(rows), run))
    assert "| 0 of 1 |" in page
    assert "- `speed_apply` (quick) does not agree with the run before about *rate*." in page


def test_the_page_tells_of_quick_runs_beside_full_ones(found: Results) -> None:
    again = RUN | results.repeated(found, "speed_apply", Findings(list(found.rows)), RUN)
    full = results.merge(found, "speed_apply", Findings([alone("full", "ms", [7.0])]), RUN | {"quick": False})
    page = report.page(results.merge(full, "speed_apply", Findings(list(found.rows)), again))
    assert "| `speed_apply` | 2026-01-19T00:00:00+00:00 |  | full | 12.5 | 3 % |  |  |" in page
    assert "| `speed_apply` | 2026-01-19T00:00:00+00:00 |  | quick | 12.5 | 3 % |  | 1 of 1 |" in page
    assert "| full | ms | 7 |" in page
    assert "| rate |" not in page


def test_the_page_says_what_was_tried_where_a_goal_is_missed(found: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.load("speed_apply"), "TRIED", "This and that.", raising=False)
    assert "*What was tried.* This and that." in report.page(found)
    met = Findings([alone("fast", "ms", [1.0], Goal(Bound.AT_MOST, 5.0, of_ratio=False))])
    assert "What was tried" not in report.page(results.merge(found, "speed_apply", met, RUN))


def test_the_page_says_when_others_were_at_work(found: Results) -> None:
    assert "Others were at work" not in report.page(found)
    told = found.context["speed_apply"]
    busy = dict(told) | {"machine": MACHINE | {"busy_percent_before": 80.0}}
    page = report.page(Results(found.rows, {"speed_apply": busy}))
    assert "of `speed_apply` only the ratios say something" in page


def test_the_page_is_the_same_again(found: Results) -> None:
    assert report.page(found) == report.page(found)
    assert report.pictures(found) == report.pictures(found)


def test_a_picture_marks_what_was_computed(found: Results) -> None:
    (picture,) = report.pictures(found).values()
    assert picture.startswith("<?xml")
    assert "ours (model)" in picture
    assert "ours (measured)" in picture


def test_without_results_the_page_says_so() -> None:
    assert "0 of 0 goals are met" in report.page(Results((), {}))


def test_the_latest_results_fit_their_schema() -> None:
    rows = json.loads((results.FOLDER / results.LATEST).read_text())
    assert rows
    for row in rows:
        assert list(row) == list(Row.__dataclass_fields__)
        low, high = row["spread"]
        assert low <= (row["ours"] if row["ratio"] is None else row["ratio"]) <= high
        assert (row["beside"] is None) == (row["ratio"] is None)
        assert (row["goal"] is None) == (row["met"] is None)
    assert len({row["measure"] for row in rows}) == len(rows)


def test_the_context_knows_every_row() -> None:
    found = results.read()
    for runs in (found, found.quick):
        named = [name for told in runs.context.values() for name in told["rows"]]
        assert named == [row.measure for row in runs.rows]
    assert set(found.quick.context) <= set(found.context) <= set(registry.NAMES)
    assert all(told["quick"] for told in found.quick.context.values())


def test_the_page_is_what_the_results_give() -> None:
    assert report.PAGE.read_text() == report.page(results.read()), "run `make bench-report`"
