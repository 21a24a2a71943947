"""The scheduler runs the night's work at its hours, and makes up for a night that was missed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from batch_layer.cron_expression import cron_trigger
from batch_layer.schedule import ScheduledWork, is_overdue
from batch_layer.schedule import scheduled as scheduler_of
from cinematch.errors import ConfigurationError
from cinematch.settings import Settings
from tests.twins.memory_generations import MemoryGenerations

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
THREE_O_CLOCK = cron_trigger("0 3 * * *")
NO_DAYS = ("8", "5-8", "0,8", "5-1", "7/2", "-1", "*/0", "1-5/0", "1,,2", "noday", "1 2")


def nothing() -> None:
    """Do nothing."""


def scheduled(
    batch: Callable[[], None] = nothing,
    compaction: Callable[[], None] = nothing,
    generations: MemoryGenerations | None = None,
    settings: Settings | None = None,
) -> BackgroundScheduler:
    work = ScheduledWork(batch, compaction, audit=nothing)
    return scheduler_of(settings or Settings(), generations or MemoryGenerations(), work)


def missed_a_night() -> MemoryGenerations:
    generations = MemoryGenerations()
    generations.create("host/1/x", datetime(2026, 1, 1, tzinfo=UTC), None, None)
    return generations


@pytest.mark.parametrize(
    ("last_start", "overdue"),
    [
        (None, False),
        (datetime(2026, 3, 1, 3, 0, 1, tzinfo=UTC), True),
        (datetime(2026, 3, 2, 2, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 2, 3, 0, 1, tzinfo=UTC), False),
    ],
)
def test_a_night_is_overdue_when_its_hour_passed_since_the_last_run(last_start: datetime | None, overdue: bool) -> None:
    assert is_overdue(THREE_O_CLOCK, last_start, NOON) is overdue


def test_the_batch_comes_at_three_compaction_after_it_at_four_and_an_audit_every_hour() -> None:
    due = {job.id: job.trigger.get_next_fire_time(None, NOON) for job in scheduled().get_jobs()}
    assert due == {
        "nightly batch": datetime(2026, 3, 3, 3, tzinfo=UTC),
        "nightly compaction": datetime(2026, 3, 3, 4, tzinfo=UTC),
        "audit": datetime(2026, 3, 2, 12, 17, tzinfo=UTC),
    }


@pytest.mark.parametrize("sunday", ["0", "7", "sun"])
def test_days_of_a_week_are_those_of_cron(sunday: str) -> None:
    hours = dict.fromkeys(("batch_cron", "lake_compaction_cron", "audit_cron"), f"0 3 * * {sunday}")
    jobs = scheduled(settings=Settings().model_copy(update=hours)).get_jobs()
    assert {job.trigger.get_next_fire_time(None, NOON) for job in jobs} == {datetime(2026, 3, 8, 3, tzinfo=UTC)}


def test_a_missed_night_is_made_up_for_once() -> None:
    jobs = [job.id for job in scheduled(generations=missed_a_night()).get_jobs()]
    assert jobs.count("missed night") == 1


def test_a_missed_night_s_work_is_done_in_its_order() -> None:
    done: list[str] = []
    both = threading.Event()

    def compaction() -> None:
        done.append("compaction")
        both.set()

    scheduler = scheduled(lambda: done.append("batch"), compaction, missed_a_night())
    run_now(scheduler, "missed night", both)
    assert done == ["batch", "compaction"]


def test_each_hour_has_its_own_work() -> None:
    ran = threading.Event()
    run_now(scheduled(batch=ran.set), "nightly batch", ran)
    ran.clear()
    run_now(scheduled(compaction=ran.set), "nightly compaction", ran)


def test_a_compaction_that_fails_leaves_the_batch_alone() -> None:
    tried, ran = threading.Event(), threading.Event()

    def broken() -> None:
        tried.set()
        raise RuntimeError("nobody expects this")

    scheduler = scheduled(ran.set, broken)
    scheduler.start()
    try:
        scheduler.modify_job("nightly compaction", next_run_time=datetime.now(UTC))
        assert tried.wait(timeout=10)
        scheduler.modify_job("nightly batch", next_run_time=datetime.now(UTC))
        assert ran.wait(timeout=10)
    finally:
        scheduler.shutdown()


def run_now(scheduler: BackgroundScheduler, job: str, done: threading.Event) -> None:
    scheduler.start()
    try:
        scheduler.modify_job(job, next_run_time=datetime.now(UTC))
        assert done.wait(timeout=10)
    finally:
        scheduler.shutdown()


@pytest.mark.parametrize("variable", ["BATCH_CRON", "LAKE_COMPACTION_CRON"])
@pytest.mark.parametrize("expression", ["at three", "0 3 * *", "60 3 * * 1", *(f"0 3 * * {days}" for days in NO_DAYS)])
def test_a_bad_cron_expression_is_named(variable: str, expression: str) -> None:
    settings = Settings().model_copy(update={variable.lower(): expression})
    with pytest.raises(ConfigurationError, match=f"{variable}: {re.escape(repr(expression))} is no cron expression"):
        scheduled(settings=settings)
