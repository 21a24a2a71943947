"""Whoever was erased is nobody to every reader, and whoever comes back is answered exactly, whatever is in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from cinematch.contracts.stored_stats import Stored
from cinematch.errors import SequenceGap
from tests.oracle.erasing import ErasingSchedule
from tests.oracle.margins import small_margins
from tests.oracle.oracle import WrongAnswer
from tests.twins import memory_batch, memory_stats

SCHEDULES = 60


@pytest.fixture(autouse=True)
def scene() -> Iterator[None]:
    """Short rankings, and no log lines of thousands of operations."""
    with small_margins(), structlog.testing.capture_logs():
        yield


def run_schedules(schedules: int, tally: Counter[str]) -> None:
    for seed in range(schedules):
        asyncio.run(ErasingSchedule(seed, tally=tally).run())


def test_no_answer_is_of_before_an_erasure_and_every_later_one_is_exact(seeds: range) -> None:
    tally: Counter[str] = Counter()
    run_schedules(max(SCHEDULES, 6 * len(seeds)), tally)
    assert {name: tally[name] for name in ("erased", "nobody", "after an erasure") if tally[name] < SCHEDULES} == {}


def test_the_oracle_finds_a_reader_who_knows_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(document: Any, latest_sequence: int, floor: int) -> Stored:
        return Stored(document, latest_sequence, 0)

    monkeypatch.setattr(memory_stats, "stored", careless)
    with pytest.raises((WrongAnswer, SequenceGap)):
        run_schedules(SCHEDULES, Counter())


def test_the_oracle_finds_a_batch_that_knows_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_batch.MemoryBatchJob, "_with_floors", lambda self, table: table)
    with pytest.raises((WrongAnswer, SequenceGap)):
        run_schedules(SCHEDULES, Counter())
