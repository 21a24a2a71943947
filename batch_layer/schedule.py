"""Our own cron: every night the batch, and then the lake's compaction; every hour an audit of answers.

The embedded stack and docker-compose.yml run it; each piece of work is a child process.

A night that was slept through (the stack was down at the hour) is made up for once, compaction included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from batch_layer.cron_expression import cron_trigger
from cinematch.contracts.generations import Generations
from cinematch.errors import ConfigurationError
from cinematch.settings import Settings
from cinematch.telemetry import get_logger

MISFIRE_GRACE_SECONDS: Final = 3_600
"""A machine that wakes up within an hour of the time still runs the night's work, once."""
CATCH_UP_DELAY: Final = timedelta(minutes=5)
"""A stack that starts has other things to do first."""
NIGHTLY_BATCH: Final = "nightly batch"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduledWork:
    """What is done at its times; none raises, and compaction and audit do not mind a batch that is still at work."""

    batch: Callable[[], None]
    compaction: Callable[[], None]
    audit: Callable[[], None]

    def catch_up(self) -> None:
        """Do a missed night's work: one after the other."""
        self.batch()
        self.compaction()


def is_overdue(trigger: CronTrigger, last_start: datetime | None, now: datetime) -> bool:
    """Say whether an hour of the schedule has passed since the last run began. Without any run nothing is overdue."""
    if last_start is None:
        return False
    due = trigger.get_next_fire_time(None, last_start)
    return due is not None and due <= now


def scheduled(settings: Settings, generations: Generations, work: ScheduledWork) -> BackgroundScheduler:
    """Give the scheduler, not yet started. Raises ConfigurationError for a cron expression that is none."""
    batch_trigger = _trigger("BATCH_CRON", settings.batch_cron)
    scheduler = BackgroundScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_SECONDS},
    )
    scheduler.add_job(work.batch, batch_trigger, id=NIGHTLY_BATCH)
    compaction_trigger = _trigger("LAKE_COMPACTION_CRON", settings.lake_compaction_cron)
    scheduler.add_job(work.compaction, compaction_trigger, id="nightly compaction")
    scheduler.add_job(work.audit, _trigger("AUDIT_CRON", settings.audit_cron), id="audit")
    last_start = next((record.started_at for record in generations.all()), None)
    now = datetime.now(UTC)
    if is_overdue(batch_trigger, last_start, now):
        _log.info("the last night was missed and is made up for soon", last_start=last_start)
        scheduler.add_job(work.catch_up, DateTrigger(now + CATCH_UP_DELAY), id="missed night")
    return scheduler


def next_batch(scheduler: BackgroundScheduler) -> datetime | None:
    """Give the time of the next nightly batch."""
    job = scheduler.get_job(NIGHTLY_BATCH)
    following: datetime | None = job.next_run_time if job else None
    return following


def _trigger(variable: str, cron: str) -> CronTrigger:
    try:
        return cron_trigger(cron)
    except ValueError as error:
        raise ConfigurationError(f"{variable}: {cron!r} is no cron expression, such as '0 3 * * *': {error}") from None
