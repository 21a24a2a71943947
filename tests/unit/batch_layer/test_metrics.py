"""The figures of the nights, as Prometheus gets them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batch_layer.audit_metrics import AuditFigures
from batch_layer.metrics import BatchFigures
from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.generations import GenerationState
from cinematch.metrics.catalogue import METRICS
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_lease import Holding, MemoryLease

OWNER = "host/7/token"
NEXT = datetime(2026, 3, 3, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Nights:
    """A store of generations, and the figures of it."""

    def __init__(self) -> None:
        self.generations = MemoryGenerations()
        self.holding = Holding()
        lease = MemoryLease("scheduler", self.holding)
        self.collect = BatchFigures(self.generations, lease, lambda: NEXT)

    def figures(self) -> dict[str, float]:
        samples = (sample for family in self.collect() for sample in family.samples)
        return {
            sample.name.removeprefix("cinematch_") + "".join(f"/{it}" for it in sample.labels.values()): sample.value
            for sample in samples
        }

    def begin(self, hours_ago: float) -> int:
        started_at = datetime.now(UTC) - hours_ago * HOUR
        return self.generations.create(OWNER, started_at, None, None).number

    def succeed(self, hours_ago: float, minutes: float) -> int:
        number = self.begin(hours_ago)
        record = self.generations.get(number)
        finished_at = record.started_at + timedelta(minutes=minutes)
        facts = {"users": 20, "events": 300, "waiting_users": 1, "deltas_reset_at": finished_at}
        self.generations.update(number, state=GenerationState.READY, finished_at=finished_at, **facts)
        self.generations.publish(number, finished_at)
        return number


@pytest.fixture
def nights() -> Nights:
    return Nights()


def test_before_the_first_night_only_the_next_one_is_known(nights: Nights) -> None:
    figures = nights.figures()
    assert figures.pop("batch_next_run_timestamp_seconds") == NEXT.timestamp()
    assert figures == {f"batch_runs/{state}": 0 for state in ("building", "ready", "failed", "dropped")}


def test_a_good_night(nights: Nights) -> None:
    nights.succeed(hours_ago=30, minutes=5)
    nights.succeed(hours_ago=6, minutes=10)
    figures = nights.figures()
    assert figures["batch_published_generation"] == 2
    assert figures["batch_age_seconds"] == pytest.approx(6 * 3600, abs=60)
    assert (figures["batch_run_seconds"], figures["batch_last_run_failed"]) == (600, 0)
    assert (figures["batch_users"], figures["batch_events"], figures["batch_waiting_users"]) == (20, 300, 1)
    reset_at = nights.generations.get(2).deltas_reset_at
    assert reset_at is not None
    assert figures["deltas_reset_timestamp_seconds"] == reset_at.timestamp()
    assert figures["batch_runs/ready"] == 2


def test_a_run_that_is_at_work_changes_no_outcome(nights: Nights) -> None:
    nights.succeed(hours_ago=24, minutes=5)
    nights.begin(hours_ago=0.1)
    nights.holding.owner = OWNER
    figures = nights.figures()
    assert (figures["batch_runs/building"], figures["batch_last_run_failed"]) == (1, 0)
    assert figures["batch_run_seconds"] == 300


def test_a_killed_run_has_failed_and_what_is_published_grows_older(nights: Nights) -> None:
    nights.succeed(hours_ago=30, minutes=5)
    nights.begin(hours_ago=6)
    figures = nights.figures()
    assert (figures["batch_runs/building"], figures["batch_runs/failed"], figures["batch_last_run_failed"]) == (0, 1, 1)
    assert "batch_run_seconds" not in figures
    assert figures["batch_age_seconds"] == pytest.approx(30 * 3600, abs=60)


def test_the_scheduler_tells_every_figure_that_the_list_promises(nights: Nights) -> None:
    nights.succeed(hours_ago=6, minutes=10)
    record = AuditRecord(NEXT, NEXT, "lambda", 0, 0, 0, 0, 0, 0)
    audits = AuditFigures(lambda: record, lambda: record)
    promised = {metric.name for metric in METRICS if metric.layers == ("scheduler",)}
    assert {family.name for family in (*nights.collect(), *audits())} == promised
