"""The scheduler runs the night's command, and a night that failed or was missed does not go unnoticed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger

from batch_layer.schedule import COMMAND, NightlyCommand, is_overdue, nightly, record_death
from cinematch.contracts.generations import GenerationState
from cinematch.errors import ConfigurationError
from tests.twins.memory_generations import MemoryGenerations

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
THREE_O_CLOCK = CronTrigger.from_crontab("0 3 * * *", timezone=UTC)


def running(generations: MemoryGenerations, pid: int) -> int:
    return generations.create(f"host/{pid}/token", NOW, None, None).number


def test_the_command_is_the_one_that_people_type() -> None:
    assert (sys.executable, "-m", "cinematch", "batch", "run") == COMMAND


def test_a_run_that_was_killed_is_declared_failed() -> None:
    generations = MemoryGenerations()
    command = NightlyCommand(generations, [sys.executable, "-c", "import time; time.sleep(60)"])
    night = threading.Thread(target=command.run)
    night.start()
    while command.pid is None:
        time.sleep(0.01)
    number = running(generations, command.pid)
    os.kill(command.pid, signal.SIGKILL)
    night.join(timeout=20)
    record = generations.get(number)
    assert (record.state, record.reason) == (GenerationState.FAILED, "killed by signal 9")


def test_only_the_ended_process_s_unfinished_run_is_declared_failed() -> None:
    generations = MemoryGenerations()
    other, done = running(generations, 1), running(generations, 12)
    generations.update(done, state=GenerationState.READY)
    record_death(generations, 12, "ended with exit code 1")
    assert [generations.get(number).state for number in (other, done)] == ["building", "ready"]


def test_a_night_that_fails_does_not_end_the_schedule() -> None:
    NightlyCommand(MemoryGenerations(), [sys.executable, "-c", "raise SystemExit(3)"]).run()


def test_stopping_ends_the_child() -> None:
    command = NightlyCommand(MemoryGenerations(), [sys.executable, "-c", "import time; time.sleep(60)"])
    night = threading.Thread(target=command.run)
    night.start()
    while command.pid is None:
        time.sleep(0.01)
    command.stop()
    night.join(timeout=20)
    assert not night.is_alive()


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
    assert is_overdue(THREE_O_CLOCK, last_start, datetime(2026, 3, 2, 12, tzinfo=UTC)) is overdue


def test_a_missed_night_is_made_up_for_once() -> None:
    generations = MemoryGenerations()
    generations.create("host/1/x", datetime(2026, 1, 1, tzinfo=UTC), None, None)
    jobs = {job.id for job in nightly("0 3 * * *", generations, lambda: None).get_jobs()}
    assert jobs == {"nightly batch", "missed night"}


def test_without_any_run_only_the_nights_are_planned() -> None:
    (job,) = nightly("0 3 * * *", MemoryGenerations(), lambda: None).get_jobs()
    following = job.trigger.get_next_fire_time(None, NOW.replace(hour=4))
    assert following == datetime(2026, 3, 3, 3, tzinfo=UTC)


def test_the_schedule_runs_the_command() -> None:
    ran = threading.Event()
    scheduler = nightly("* * * * *", MemoryGenerations(), ran.set)
    scheduler.start()
    try:
        for job in scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))
        assert ran.wait(timeout=10)
    finally:
        scheduler.shutdown()


def test_a_bad_cron_expression_is_named() -> None:
    with pytest.raises(ConfigurationError, match="BATCH_CRON: 'at three' is no cron expression"):
        nightly("at three", MemoryGenerations(), lambda: None)
