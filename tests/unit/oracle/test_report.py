"""The page on reliability says what the runs found, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.oracle import report
from tests.oracle.outages import Gap, Outages
from tests.oracle.soak import growth


def test_the_page_shows_the_results_that_are_kept() -> None:
    page = report.PAGE.read_text()
    assert report.rendered(page) == page, "python -m tests.oracle.report"
    for name in report.SECTIONS:
        assert f"<!-- {name} -->" in page


def test_what_was_not_measured_says_so(tmp_path: Path) -> None:
    page = "<!-- soak -->\nold\n<!-- /soak --> end"
    assert report.rendered(page, tmp_path) == "<!-- soak -->\n\nNot measured yet: `make soak`.\n\n<!-- /soak --> end"


def test_a_gap_is_blamed_on_the_last_fault_that_began_before_it_ended() -> None:
    outages = Outages()
    gaps = [Gap("read", 100.0, 4.0), Gap("read", 100.5, 2.0), Gap("write", 300.0, 1.0)]
    outages.add(gaps, [(90.0, "kill redis"), (101.0, "kill api"), (104.5, "kill kafka")])
    assert outages.longest == {"kill api": {"read": 4.0}, "no fault": {"write": 1.0}}


def test_growth_leaves_the_time_of_warming_up_out() -> None:
    samples = [{"memory": value} for value in (1.0, 5.0, 10.0, 10.0, 10.0, 10.0, 11.0, 13.0)]
    assert growth(samples) == {"memory": [10.0, 12.0]}
