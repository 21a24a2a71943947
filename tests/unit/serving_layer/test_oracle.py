"""Every answer of the serving layer equals a replay of the user's log up to the sequence that it claims.

The real service, modes and case table; the batch layer's real publication, handoff and retention; in-memory twins that
tests/contract proves equal to the real stores. `make chaos SCHEDULES=N` runs more of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import SequenceGap
from serving_layer import answer, incremental_mode, lambda_mode
from serving_layer.reading import (
    BoundaryBehind,
    BoundaryOnly,
    DeltaAtBoundary,
    Reading,
    SpeedViewBroken,
    TailAfterBoundary,
    reading,
)
from tests.oracle.figures import Figures
from tests.oracle.margins import small_margins
from tests.oracle.oracle import WrongAnswer
from tests.oracle.schedule import Schedule
from tests.oracle.world import MemoryWorld

SCHEDULES_FOR_ONE_ON_SERVERS = 20
"""They take milliseconds."""
ENOUGH_SCHEDULES = 100
"""From here on every case must have been met."""
SCHEDULES_TO_FIND_A_DEFECT = 60
CASES = (BoundaryOnly, DeltaAtBoundary, TailAfterBoundary, BoundaryBehind, SpeedViewBroken)
KILLS = ("batch.kill", "speed.kill", "guardian.kill", "rebuild.kill")


@pytest.fixture(autouse=True)
def scene() -> Iterator[None]:
    """Short rankings, and no log lines of thousands of operations."""
    with small_margins(), structlog.testing.capture_logs():
        yield


def test_every_answer_equals_a_replay(seeds: range, figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the schedules meet every case: an oracle that never meets a case has not checked it."""
    schedules = SCHEDULES_FOR_ONE_ON_SERVERS * len(seeds)
    tally = figures["oracle in memory"] = Counter(schedules=schedules)

    def counted_reading(boundary: int, snapshot: SpeedSnapshot | None) -> Reading:
        outcome = reading(boundary, snapshot)
        tally[type(outcome).__name__] += 1
        return outcome

    monkeypatch.setattr(lambda_mode, "reading", counted_reading)
    run_schedules(range(seeds.start, seeds.start + schedules), tally)
    must_meet = [case.__name__ for case in CASES] + ["read.whole_list", "read.request_repair", "complete", *KILLS]
    if schedules >= ENOUGH_SCHEDULES:
        assert {name: tally[name] for name in must_meet if tally[name] < schedules / 20} == {}


def counts_the_tail_twice(boundary: int, snapshot: SpeedSnapshot | None) -> Reading:
    outcome = reading(boundary, snapshot)
    if isinstance(outcome, TailAfterBoundary) and snapshot is not None:
        return TailAfterBoundary(snapshot.tail)
    return outcome


def takes_the_counters_of_an_earlier_base(boundary: int, snapshot: SpeedSnapshot | None) -> Reading:
    outcome = reading(boundary, snapshot)
    if isinstance(outcome, TailAfterBoundary) and snapshot is not None:
        return DeltaAtBoundary(replace(snapshot, tail=outcome.tail))
    return outcome


def steps_over_a_hole(boundary: int, snapshot: SpeedSnapshot | None) -> Reading:
    outcome = reading(boundary, snapshot)
    if isinstance(outcome, BoundaryBehind) and snapshot is not None and snapshot.tail:
        return TailAfterBoundary(snapshot.tail)
    return outcome


def trusts_a_broken_view(boundary: int, snapshot: SpeedSnapshot | None) -> Reading:
    outcome = reading(boundary, snapshot)
    if isinstance(outcome, SpeedViewBroken) and snapshot is not None and snapshot.tail:
        return DeltaAtBoundary(replace(snapshot, base_sequence=boundary))
    return outcome


@pytest.mark.parametrize(
    "broken", [counts_the_tail_twice, takes_the_counters_of_an_earlier_base, steps_over_a_hole, trusts_a_broken_view]
)
def test_the_oracle_finds_a_broken_case_table(broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_mode, "reading", broken)
    expect_a_wrong_answer()


def test_the_oracle_finds_an_answer_that_hides_that_it_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = answer.freshness
    monkeypatch.setattr(lambda_mode, "freshness", lambda *args, **kw: replace(honest(*args, **kw), complete=True))
    expect_a_wrong_answer()


def test_the_oracle_finds_counters_added_at_the_wrong_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental_mode, "reading", takes_the_counters_of_an_earlier_base)
    expect_a_wrong_answer()


def run_schedules(seeds: range, tally: Counter[str]) -> None:
    for seed in seeds:
        asyncio.run(Schedule(seed, MemoryWorld, tally=tally).run())


def expect_a_wrong_answer() -> None:
    """SequenceGap: the merge itself refuses to step over a hole."""
    with pytest.raises((WrongAnswer, SequenceGap)):
        run_schedules(range(SCHEDULES_TO_FIND_A_DEFECT), Counter())
