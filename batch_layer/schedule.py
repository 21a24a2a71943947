"""The embedded stack's own cron: every night the very command that a crontab would call, as a child process.

A night that fails is on record: the run records its own failures, and this module those that it could not (killed,
out of memory). A night that was slept through (the stack was down at the hour) is made up for once.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from cinematch.contracts.generations import Generations, GenerationState
from cinematch.errors import CineMatchError, ConfigurationError
from cinematch.telemetry import get_logger

COMMAND: Final = (sys.executable, "-m", "cinematch", "batch", "run")
MISFIRE_GRACE_SECONDS: Final = 3_600
"""A machine that wakes up within an hour of the time still runs the night's batch, once."""
CATCH_UP_DELAY: Final = timedelta(minutes=5)
"""A stack that starts has other things to do first."""
STOP_SECONDS: Final = 10
_log = get_logger(__name__)


class NightlyCommand:
    """Runs a command as a child, one at a time, and sees to it that a failure is recorded."""

    def __init__(self, generations: Generations, command: Sequence[str] = COMMAND) -> None:
        self._generations = generations
        self._command = list(command)
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    @property
    def pid(self) -> int | None:
        """Give the process id of the last child."""
        return self._child.pid if self._child else None

    def run(self) -> None:
        """Run the command and wait for it. Never raises what one night may bring: the next night comes."""
        _log.info("nightly batch starts", command=self._command)
        self._child = subprocess.Popen(self._command)
        code = self._child.wait()
        if code == 0:
            _log.info("nightly batch done")
        elif not self._stopping.is_set():
            self._report(code, self._child.pid)

    def stop(self) -> None:
        """End a running child: politely, then by force. What it leaves behind is swept up by the next run."""
        self._stopping.set()
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()

    def _report(self, code: int, pid: int) -> None:
        reason = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        _log.error("nightly batch failed", reason=reason)
        try:
            record_death(self._generations, pid, reason)
        except CineMatchError as error:
            _log.error("the failed night could not be recorded", reason=str(error))


def record_death(generations: Generations, pid: int, reason: str) -> None:
    """Declare the run of a process that has ended failed, unless it has done so itself."""
    for record in generations.all():
        if record.state is GenerationState.BUILDING and record.owner.split("/")[1:2] == [str(pid)]:
            now = datetime.now(UTC)
            generations.update(record.number, state=GenerationState.FAILED, reason=reason, finished_at=now)


def is_overdue(trigger: CronTrigger, last_start: datetime | None, now: datetime) -> bool:
    """Say whether an hour of the schedule has passed since the last run began. Without any run nothing is overdue."""
    if last_start is None:
        return False
    due = trigger.get_next_fire_time(None, last_start)
    return due is not None and due <= now


def nightly(cron: str, generations: Generations, run: Callable[[], None]) -> BackgroundScheduler:
    """Give the scheduler, not yet started. Raises ConfigurationError for a cron expression that is none."""
    try:
        trigger = CronTrigger.from_crontab(cron, timezone=UTC)
    except ValueError as error:
        raise ConfigurationError(f"BATCH_CRON: {cron!r} is no cron expression, such as '0 3 * * *': {error}") from None
    scheduler = BackgroundScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_SECONDS},
    )
    scheduler.add_job(run, trigger, id="nightly batch")
    last_start = next((record.started_at for record in generations.all()), None)
    now = datetime.now(UTC)
    if is_overdue(trigger, last_start, now):
        _log.info("the last night was missed and is made up for soon", last_start=last_start)
        scheduler.add_job(run, DateTrigger(now + CATCH_UP_DELAY), id="missed night")
    return scheduler
