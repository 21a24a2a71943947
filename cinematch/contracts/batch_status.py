"""How the nightly batch is: what is published and how old that is, and what became of the last run.

A killed process leaves a record that nobody ends. So whether a run is at work is told by the lease and never by the
record alone: one that has not ended, and whose owner no longer holds the lease, was abandoned.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from cinematch.contracts.generations import Generation, GenerationState

BATCH_LEASE: Final = "batch_run"
"""The lease of which a run is the owner for as long as it lives."""


class RunState(StrEnum):
    """What has become of one run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"  # published, then or since
    FAILED = "failed"  # the record has the reason
    ABANDONED = "abandoned"  # killed, or the machine went down: the next run begins anew


class BatchState(StrEnum):
    """The nightly batch in one word; of several that are true, the first in this order."""

    RUNNING = "running"
    FAILED = "failed"  # the last run failed or was abandoned
    OVERDUE = "overdue"  # what is published is older than it may be
    FRESH = "fresh"
    NONE = "none"  # there was no run yet


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest record; `seconds` is the time that the computation took, None before its end."""

    generation: int
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """`generation` is the published one, `age_seconds` the time since its run began: what happened later is not in it.

    All three are None while nothing is published. `is_overdue` is also told while a run is at work.
    """

    state: BatchState
    generation: int | None
    published_at: datetime | None
    age_seconds: float | None
    is_overdue: bool
    last_run: LastRun | None

    @property
    def fault(self) -> str | None:
        """Say in one sentence what is wrong with the nights; None when nothing is."""
        run = self.last_run
        if run is not None and run.state in (RunState.FAILED, RunState.ABANDONED):
            return f"generation {run.generation} {run.state.value}: {run.reason or 'the run was killed'}"
        if self.is_overdue:
            return f"generation {self.generation} is published, and {(self.age_seconds or 0) / 3600:.0f} hours old"
        return None

    def as_document(self) -> dict[str, Any]:
        """Give it as JSON-like fields; times are datetimes."""
        return asdict(self)


def run_state(record: Generation, lease_holder: str | None) -> RunState:
    """Tell what has become of a run; `lease_holder` is who holds BATCH_LEASE now."""
    if record.reason is not None or record.state is GenerationState.FAILED:
        return RunState.FAILED
    if record.is_published or record.published_at is not None:
        return RunState.SUCCEEDED
    return RunState.RUNNING if record.owner == lease_holder else RunState.ABANDONED


def batch_status(
    published: Generation | None,
    newest: Generation | None,
    lease_holder: str | None,
    now: datetime,
    max_age_seconds: float,
) -> BatchStatus:
    """Judge the published and the newest generation. Without any run nothing is overdue: nobody promised one."""
    last = _last_run(newest, lease_holder) if newest else None
    age = (now - published.started_at).total_seconds() if published else None
    is_overdue = age is not None and age > max_age_seconds
    return BatchStatus(
        state=_state(last, is_overdue),
        generation=published.number if published else None,
        published_at=published.published_at if published else None,
        age_seconds=age,
        is_overdue=is_overdue,
        last_run=last,
    )


def _last_run(record: Generation, lease_holder: str | None) -> LastRun:
    return LastRun(
        generation=record.number,
        state=run_state(record, lease_holder),
        started_at=record.started_at,
        finished_at=record.finished_at,
        seconds=record.seconds,
        reason=record.reason,
    )


def _state(last: LastRun | None, is_overdue: bool) -> BatchState:
    if last is None:
        return BatchState.NONE
    if last.state is RunState.RUNNING:
        return BatchState.RUNNING
    if last.state is not RunState.SUCCEEDED:
        return BatchState.FAILED
    return BatchState.OVERDUE if is_overdue else BatchState.FRESH
