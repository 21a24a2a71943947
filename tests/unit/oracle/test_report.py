"""The page on reliability says what the runs found, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.oracle import report
from tests.oracle.burst import BOUND_MIB, broken
from tests.oracle.outages import Gap, Outages
from tests.oracle.results import write
from tests.oracle.soak import grown, growth


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


def test_what_grew_and_must_not_is_named() -> None:
    figures = {
        "api memory MiB": [200.0, 250.0],
        "relay memory MiB": [200.0, 300.0],
        "api files": [30.0, 80.0],
        "generations": [3.0, 4.0],
        "checkpoints MiB": [2.0, 6.0],
        "redis data MiB": [2.0, 7.0],
        "outbox events": [1.0, 9_000.0],
        "acknowledged changes": [0.0, 8_990.0],
        "lake objects": [1.0, 9_000.0],
    }
    assert grown(figures) == ["relay memory MiB: 200 -> 300", "api files: 30 -> 80", "redis data MiB: 2 -> 7"]


def test_an_outbox_that_grows_by_more_than_what_is_written_is_named() -> None:
    figures = {"outbox events": [1_000.0, 3_000.0], "acknowledged changes": [1_000.0, 2_000.0]}
    assert grown(figures) == ["outbox events: 2000 more, and 1000 acknowledged changes"]


def test_a_burst_that_costs_posts_or_memory_has_failed() -> None:
    good = {"posts_refused": 0, "memory_mib": {"api": [100.0, 200.0], "kafka": [500.0, BOUND_MIB - 200]}}
    assert broken(good) == []
    bad = {"posts_refused": 2, "memory_mib": {"api": [100.0, BOUND_MIB + 1]}}
    assert broken(bad) == ["2 POSTs were refused", "the stack took 5,121 MiB, more than 5,120"]


def test_the_page_tells_all_oracles_and_the_sum_of_faults(tmp_path: Path) -> None:
    figures = {
        report.STACK: {"schedules": 3, "kill redis": 2, "shuffle": 1, "complete answers": 7},
        "oracle in memory": {"schedules": 60, "complete": 100, "incomplete": 1},
    }
    write("chaos", {"seed": 9, "failed": 0, "figures": figures}, tmp_path)
    page = report.rendered("<!-- chaos --><!-- /chaos -->", tmp_path)
    assert "3 schedules on the running stack from seed 9" in page
    assert "3 faults" in page
    assert "The oracle in memory: 60 schedules, 101 answers." in page


def test_growth_leaves_the_time_of_warming_up_out() -> None:
    samples = [{"memory": value} for value in (1.0, 5.0, 10.0, 10.0, 10.0, 10.0, 11.0, 13.0)]
    assert growth(samples) == {"memory": [10.0, 12.0]}
