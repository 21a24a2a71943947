"""What a worker tells of sampled traces: their events when they are in user_stats, and their records that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from cinematch.domain.changes import AddFilm
from cinematch.tracing import Trace
from micro_batch.partition import process_partition, worker_stores
from tests.micro_batch_stage import FILMS, Stage

pytestmark = pytest.mark.integration

SILENT, BAD = Trace.begun(), Trace.begun()
SAMPLED = replace(Trace.begun(), sampled=True)


@pytest.fixture(autouse=True)
def _new_worker() -> Iterator[None]:
    worker_stores.cache_clear()
    yield
    worker_stores.cache_clear()


def row(user_id: str | None, sequence: int | None, reason: str | None, offset: int, trace: Trace) -> dict[str, Any]:
    place = {"topic": "log", "partition": 0, "offset": offset, "key": None, "value": None}
    return {"user_id": user_id, "sequence": sequence, "reason": reason, **place, "trace": str(trace).encode()}


def test_sampled_events_and_refused_records_are_told_with_their_traces(
    kafka_server: Any,
    stage: Stage,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stage.change("ann", AddFilm(FILMS[0], 7.5), AddFilm(FILMS[1], None))
    rows = [row("ann", 1, None, 0, SAMPLED), row("ann", 2, None, 1, SILENT), row(None, None, "no JSON", 2, BAD)]
    settings = stage.settings.model_copy(update={"log_json": True})
    (outcome,) = process_partition(iter([pa.RecordBatch.from_pylist(rows)]), settings=settings)
    assert outcome.to_pylist()[0]["rejected"] == ["message"]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert {(line["event"], line["trace_id"]) for line in lines if "trace_id" in line} == {
        ("an event is in user_stats", SAMPLED.trace_id),
        ("a record is no event", BAD.trace_id),
    }
    assert [letter.traceparent for letter in stage.letters().values()] == [str(BAD)]
