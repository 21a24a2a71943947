"""Whether last night's batch went well is told by the records and the lease, also when nobody ended the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cinematch.contracts.batch_status import BatchState, BatchStatus, RunState, batch_status, run_state
from cinematch.contracts.generations import Generation, GenerationState

THREE = datetime(2026, 3, 2, 3, tzinfo=UTC)
OWNER = "host/7/token"
MAX_AGE_SECONDS = 26 * 3600.0
BEGUN = Generation(2, GenerationState.BUILDING, OWNER, THREE)
READY = replace(BEGUN, state=GenerationState.READY, finished_at=THREE + timedelta(minutes=4), seconds=240.0)
PUBLISHED = replace(READY, published_at=THREE + timedelta(minutes=5), is_published=True)
FAILED = replace(BEGUN, number=3, state=GenerationState.FAILED, reason="s3 is unavailable: no answer")


def status(
    newest: Generation | None, *, published: Generation | None = None, holder: str | None = None, hours: float = 1
) -> BatchStatus:
    return batch_status(published, newest, holder, THREE + timedelta(hours=hours), MAX_AGE_SECONDS)


@pytest.mark.parametrize(
    ("record", "holder", "expected"),
    [
        (BEGUN, OWNER, RunState.RUNNING),
        (READY, OWNER, RunState.RUNNING),
        (BEGUN, None, RunState.ABANDONED),
        (BEGUN, "host/8/other", RunState.ABANDONED),
        (READY, None, RunState.ABANDONED),
        (FAILED, None, RunState.FAILED),
        (replace(READY, reason="redis is unavailable"), None, RunState.FAILED),
        (PUBLISHED, None, RunState.SUCCEEDED),
        (replace(READY, is_published=True), None, RunState.SUCCEEDED),
        (replace(PUBLISHED, is_published=False, state=GenerationState.DROPPED), None, RunState.SUCCEEDED),
    ],
)
def test_a_run_is_at_work_only_while_it_holds_the_lease(
    record: Generation, holder: str | None, expected: RunState
) -> None:
    assert run_state(record, holder) is expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"newest": None}, BatchState.NONE),
        ({"newest": PUBLISHED, "published": PUBLISHED}, BatchState.FRESH),
        ({"newest": PUBLISHED, "published": PUBLISHED, "hours": 26}, BatchState.FRESH),
        ({"newest": PUBLISHED, "published": PUBLISHED, "hours": 26.1}, BatchState.OVERDUE),
        ({"newest": FAILED, "published": PUBLISHED}, BatchState.FAILED),
        ({"newest": BEGUN}, BatchState.FAILED),
        ({"newest": BEGUN, "published": PUBLISHED, "holder": OWNER, "hours": 30}, BatchState.RUNNING),
    ],
)
def test_the_nights_in_one_word(arguments: dict[str, Any], expected: BatchState) -> None:
    assert status(**arguments).state is expected


def test_a_fault_is_a_sentence() -> None:
    assert status(PUBLISHED, published=PUBLISHED).fault is None
    assert status(FAILED).fault == "generation 3 failed: s3 is unavailable: no answer"
    assert status(BEGUN).fault == "generation 2 abandoned: the run was killed"
    old = status(BEGUN, published=PUBLISHED, holder=OWNER, hours=50)
    assert old.fault == "generation 2 is published, and 50 hours old"


def test_the_document_has_what_is_published_and_the_last_run() -> None:
    document = status(FAILED, published=PUBLISHED).as_document()
    assert (document["state"], document["generation"], document["published_at"]) == (
        "failed",
        2,
        PUBLISHED.published_at,
    )
    assert document["age_seconds"] == 3600
    run = document["last_run"]
    assert (run["generation"], run["state"], run["reason"]) == (3, "failed", "s3 is unavailable: no answer")


def test_a_generation_that_was_gone_back_to_is_as_old_as_its_run() -> None:
    """Publishing again makes nothing younger."""
    again = replace(PUBLISHED, published_at=THREE + timedelta(hours=30))
    assert status(PUBLISHED, published=again, hours=30).state is BatchState.OVERDUE
