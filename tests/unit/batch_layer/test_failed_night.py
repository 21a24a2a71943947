"""However a night fails, it is on record: also when it could not record itself, or MongoDB was down."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from batch_layer.failed_night import FailedNights, record_failure
from batch_layer.scheduled_command import Failure
from cinematch.contracts.exclusion import owner_name
from cinematch.contracts.generations import Generation, GenerationState
from cinematch.errors import StoreUnavailable
from tests.twins.memory_generations import MemoryGenerations

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
PID = 12
FAILURE = Failure(PID, NOW, NOW + timedelta(minutes=1), -9)


def running(generations: MemoryGenerations, pid: int, started_at: datetime = NOW) -> int:
    return generations.create(f"{owner_name(pid)}token", started_at, None, None).number


def test_the_ended_process_s_unfinished_run_is_declared_failed() -> None:
    generations = MemoryGenerations()
    number = running(generations, PID)
    record_failure(generations, FAILURE)
    (record,) = generations.all()
    assert (record.number, record.state, record.reason) == (number, GenerationState.FAILED, "killed by signal 9")
    assert record.finished_at == FAILURE.ended_at


def test_a_process_that_left_no_record_gets_one() -> None:
    generations = MemoryGenerations()
    record_failure(generations, Failure(PID, NOW, NOW + timedelta(seconds=2), 1))
    (record,) = generations.all()
    assert (record.state, record.reason) == (GenerationState.FAILED, "ended with exit code 1")
    assert record.started_at == NOW
    assert generations.stored() == set()


def test_what_the_run_has_recorded_itself_stays() -> None:
    generations = MemoryGenerations()
    number = running(generations, PID)
    generations.update(number, state=GenerationState.FAILED, reason="its own words", finished_at=NOW)
    record_failure(generations, FAILURE)
    assert [record.reason for record in generations.all()] == ["its own words"]


def test_a_run_that_was_refused_beside_another_leaves_no_record() -> None:
    generations = MemoryGenerations()
    other = running(generations, PID + 1, NOW - timedelta(minutes=3))
    record_failure(generations, FAILURE)
    generations.update(other, state=GenerationState.READY, finished_at=NOW + timedelta(seconds=1))
    record_failure(generations, FAILURE)
    assert [record.number for record in generations.all()] == [other]


def test_an_earlier_process_of_the_same_id_is_another() -> None:
    generations = MemoryGenerations()
    before = running(generations, PID, NOW - timedelta(days=1))
    generations.update(before, state=GenerationState.READY, finished_at=NOW - timedelta(hours=23))
    record_failure(generations, FAILURE)
    assert [record.state for record in generations.all()] == [GenerationState.FAILED, GenerationState.READY]


class SilentAtFirst(MemoryGenerations):
    """Cannot be reached the first times."""

    def __init__(self, outages: int) -> None:
        super().__init__()
        self.outages = outages
        self.asked = threading.Semaphore(0)

    def all(self) -> list[Generation]:
        self.asked.release()
        self.outages -= 1
        if self.outages >= 0:
            raise StoreUnavailable("mongodb", "no answer")
        return super().all()


def test_a_failure_is_recorded_once_the_store_answers() -> None:
    generations = SilentAtFirst(outages=3)
    FailedNights(generations, retry_seconds=0.001).record(FAILURE)
    assert [record.reason for record in generations.all()] == ["killed by signal 9"]


def test_stopping_ends_the_wait() -> None:
    generations = SilentAtFirst(outages=1_000_000)
    nights = FailedNights(generations, retry_seconds=3_600)
    waiting = threading.Thread(target=nights.record, args=(FAILURE,))
    waiting.start()
    assert generations.asked.acquire(timeout=20)
    nights.stop()
    waiting.join(timeout=20)
    assert not waiting.is_alive()
