"""The page on reliability says what the runs found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import report
from tests.oracle.burst import BOUND_MIB, broken
from tests.oracle.outages import Gap, Outages
from tests.oracle.results import Results, write
from tests.oracle.soak import grown, growth


def test_the_page_shows_the_results_that_are_kept() -> None:
    page = report.PAGE.read_text()
    assert report.rendered(page) == page, "python -m tests.oracle.report"
    for name in report.SECTIONS:
        assert f"<!-- {name} -->" in page


def test_what_was_not_measured_says_so(tmp_path: Path) -> None:
    page = "<!-- soak -->\nold\n<!-- /soak --> end"
    assert report.rendered(page, tmp_path) == "<!-- soak -->\n\nNot measured yet: `make soak`.\n\n<!-- /soak --> end"


def test_a_gap_is_blamed_on_the_fault_with_which_it_began() -> None:
    outages = Outages()
    gaps = [Gap("read", 100.0, 4.0), Gap("read", 100.5, 2.0), Gap("write", 300.0, 1.0)]
    outages.add(gaps, [(90.0, "kill redis"), (99.8, "kill api"), (103.0, "flush redis"), (104.5, "kill kafka")])
    assert outages.longest == {"kill api": {"read": 4.0}, "no fault": {"write": 1.0}}


def test_what_grew_and_must_not_is_named() -> None:
    figures = {
        "api memory MiB": [200.0, 250.0],
        "relay memory MiB": [200.0, 300.0],
        "api files": [30.0, 80.0],
        "generations": [3.0, 5.0],
        "mongodb memory MiB": [150.0, 700.0],
        "checkpoints MiB": [2.0, 6.0],
        "redis data MiB": [2.0, 7.0],
        "outbox events": [1.0, 9_000.0],
        "acknowledged changes": [0.0, 8_990.0],
        "lake objects": [1.0, 9_000.0],
    }
    assert grown(figures) == [
        "relay memory MiB: 200 -> 300, at most 260",
        "api files: 30 -> 80, at most 57",
        "generations: 3 -> 5, at most 4",
        "redis data MiB: 2 -> 7, at most 6.2",
    ]


def test_an_outbox_that_grows_by_more_than_what_is_written_is_named() -> None:
    figures = {"outbox events": [1_000.0, 3_000.0], "acknowledged changes": [1_000.0, 2_000.0]}
    assert grown(figures) == ["outbox events: 2000 more, and 1000 acknowledged changes"]


def burst_of(p99: float, bare_p99: float, refused: int = 0, most_mib: float = 200.0) -> Results:
    return {
        "posts_refused": refused,
        "post_ms": {"p99": p99},
        "bare_ms": {"p99": bare_p99},
        "memory_mib": {"api": [100.0, most_mib], "kafka": [500.0, BOUND_MIB - 200]},
    }


def test_a_burst_that_costs_posts_or_memory_has_failed() -> None:
    assert broken(burst_of(50.0, 5.0)) == []
    bad = burst_of(50.0, 5.0, refused=2, most_mib=201.0)
    assert broken(bad) == ["2 POSTs were refused", "the stack took 5,121 MiB, more than 5,120"]


@pytest.mark.parametrize(("p99", "bare_p99"), [(49.0, 5.0), (50.0, 1.0), (120.0, 60.0)])
def test_posts_may_be_slow_where_bare_transactions_are(p99: float, bare_p99: float) -> None:
    assert broken(burst_of(p99, bare_p99)) == []


@pytest.mark.parametrize(("p99", "bare_p99"), [(51.0, 10.0), (121.0, 60.0)])
def test_posts_that_are_slower_than_promised_and_than_bare_transactions_explain_have_failed(
    p99: float, bare_p99: float
) -> None:
    told = f"99 % of the POSTs took up to {p99:g} ms, bare transactions {bare_p99:g} ms; promised are 50"
    assert broken(burst_of(p99, bare_p99)) == [told]


@pytest.mark.parametrize(("is_kept", "told"), [(True, "was **kept**"), (False, "was **not kept**")])
def test_the_page_says_of_a_burst_whether_the_promise_was_kept(tmp_path: Path, is_kept: bool, told: str) -> None:
    latencies = {"p50": 8.0, "p99": 70.0, "most": 90.0}
    found = {
        "capacity_events_a_second": 300,
        "burst": {"events": 1_000, "seconds": 60.0, "times_capacity": 20.0},
        "lag_zero_after_seconds": 40.0,
        "posts": 200,
        "post_ms": latencies,
        "post_ms_at_rest": latencies | {"p99": 30.0},
        "bare_ms": latencies,
        "bare_ms_at_rest": latencies,
        "post_promise_kept": is_kept,
        "posts_refused": 0,
        "memory_mib": {"api": [100.0, 200.0]},
    }
    write("burst", found, tmp_path)
    page = report.rendered("<!-- burst --><!-- /burst -->", tmp_path)
    assert f"The promise of 99 % within 50 ms {told}:" in page
    assert "| POSTs at rest, just before | 8 | 30 | 90 |" in page
    assert "| POSTs in the burst | 8 | 70 | 90 |\n| bare transactions in the burst | 8 | 70 | 90 |" in page


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
