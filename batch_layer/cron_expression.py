"""Cron expressions with the days of a week counted as cron counts them; APScheduler 3 takes 0 for Monday."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Final

from apscheduler.triggers.cron import CronTrigger

FIELDS: Final = 5
DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""By cron's numbers: 0 and 7 are Sunday."""
SATURDAY: Final = 6
NUMBERED: Final = re.compile(r"(?:\*|(?P<first>\d+)(?:-(?P<last>\d+))?)(?:/(?P<step>[1-9]\d*))?")


def cron_trigger(expression: str) -> CronTrigger:
    """Give the trigger of an expression of five fields, in UTC. Raises ValueError for what is none."""
    fields = expression.split()
    if len(fields) == FIELDS:
        fields[-1] = ",".join(map(_named, fields[-1].split(",")))
    return CronTrigger.from_crontab(" ".join(fields), timezone=UTC)


def _named(days: str) -> str:
    """List a part of the last field by names, which mean the same to everybody; what has no number stays as it is."""
    part = NUMBERED.fullmatch(days)
    if part is None:
        return days
    first = int(part["first"] or 0)
    alone = part["first"] and not part["step"]
    last = int(part["last"] or (first if alone else SATURDAY))
    if not first <= last < len(DAYS):
        raise ValueError(f"days of a week go from 0 to 7, and not as in {days!r}")
    return ",".join(DAYS[first : last + 1 : int(part["step"] or 1)])
