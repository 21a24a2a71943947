"""Puts a failed night on record that could not do so itself: it was killed, or failed before it had a record."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

from batch_layer.scheduled_command import Failure
from cinematch.contracts.exclusion import owner_name
from cinematch.contracts.generations import Generation, Generations, GenerationState
from cinematch.errors import CineMatchError
from cinematch.telemetry import get_logger

RETRY_SECONDS: Final = 30.0
_log = get_logger(__name__)


class FailedNights:
    """Records failures, once MongoDB answers: a night often fails because it does not."""

    def __init__(self, generations: Generations, retry_seconds: float = RETRY_SECONDS) -> None:
        self._generations = generations
        self._retry_seconds = retry_seconds
        self._stopping = threading.Event()

    def record(self, failure: Failure) -> None:
        """Record a failure, trying again for as long as it takes, or until `stop`."""
        while not self._stopping.is_set():
            try:
                record_failure(self._generations, failure)
            except CineMatchError as error:
                _log.error("the failed night cannot be recorded yet", reason=str(error))
                self._stopping.wait(self._retry_seconds)
            else:
                return

    def stop(self) -> None:
        """Give up what waits."""
        self._stopping.set()


def record_failure(generations: Generations, failure: Failure) -> None:
    """Declare the ended process's unfinished run failed; where it left no record at all, make one.

    A run that was refused because another one was at work leaves none: that one is the night's. Raises
    StoreUnavailable.
    """
    records = generations.all()
    own = [it for it in records if it.started_at >= failure.started_at and it.owner.startswith(owner_name(failure.pid))]
    for record in own:
        if record.state is GenerationState.BUILDING:
            _declare_failed(generations, record.number, failure)
    if not own and not any(_was_at_work(record, failure.started_at) for record in records):
        record = generations.create(f"{owner_name(failure.pid)}scheduler", failure.started_at, None, None)
        _declare_failed(generations, record.number, failure)
        generations.drop(record.number)


def _was_at_work(record: Generation, since: datetime) -> bool:
    return record.state is GenerationState.BUILDING or (record.finished_at is not None and record.finished_at >= since)


def _declare_failed(generations: Generations, number: int, failure: Failure) -> None:
    fields = {"state": GenerationState.FAILED, "reason": failure.reason, "finished_at": failure.ended_at}
    generations.update(number, **fields)
