"""Batches chain, whatever comes in whatever pieces; they end by number, size, age and day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematch.contracts.lake_paths import NO_TIMESTAMP_DAY
from cinematch.contracts.log_record import LogPartition, LogRecord
from data_lake.record_batch import BatchBuilder, BatchLimits, OffsetsWentBack, RecordBatch

PLACE = LogPartition("events", 2)
NOON = datetime(2026, 1, 19, 12, tzinfo=UTC)
LIMITS = BatchLimits(records=3, size_bytes=100, age_seconds=30.0)


def record(offset: int, timestamp: datetime | None = NOON, value: bytes = b"x") -> LogRecord:
    return LogRecord(PLACE, offset, timestamp, None, value)


def drain(builder: BatchBuilder) -> list[RecordBatch]:
    batches = []
    while batch := builder.oldest():
        batches.append(batch)
        builder.remove_oldest()
    return batches


def test_a_batch_is_due_when_it_is_full() -> None:
    builder = BatchBuilder(PLACE, 7, LIMITS)
    for offset in (7, 8):
        builder.add(record(offset), now=0.0)
    assert builder.due(now=1.0) is None
    builder.add(record(9), now=0.0)
    batch = builder.due(now=1.0)
    assert batch is not None
    assert (batch.first_offset, batch.next_offset, batch.day) == (7, 10, date(2026, 1, 19))


def test_a_batch_is_due_when_it_has_bytes_enough() -> None:
    builder = BatchBuilder(PLACE, 0, LIMITS)
    builder.add(record(0, value=b"x" * 100), now=0.0)
    assert builder.due(now=0.0) is not None


def test_a_batch_is_due_when_it_is_old_enough() -> None:
    builder = BatchBuilder(PLACE, 0, LIMITS)
    builder.add(record(0), now=100.0)
    builder.add(record(1), now=129.0)
    assert builder.due(now=129.9) is None
    assert builder.due(now=130.0) is not None


def test_a_batch_ends_before_a_record_of_a_later_day() -> None:
    builder = BatchBuilder(PLACE, 0, LIMITS)
    for offset, hours in enumerate((0, 12, 11, 13)):  # noon, midnight, a straggler of the day before, after midnight
        builder.add(record(offset, NOON + timedelta(hours=hours)), now=0.0)
    batches = drain(builder)
    assert [(batch.day.day, batch.first_offset, batch.next_offset) for batch in batches] == [(19, 0, 1), (20, 1, 4)]


def test_records_without_timestamp_have_a_day_of_their_own() -> None:
    builder = BatchBuilder(PLACE, 0, LIMITS)
    builder.add(record(0, None), now=0.0)
    assert drain(builder)[0].day == NO_TIMESTAMP_DAY


def test_an_offset_that_was_passed_is_refused_and_nothing_taken() -> None:
    builder = BatchBuilder(PLACE, 5, LIMITS)
    with pytest.raises(OffsetsWentBack):
        builder.add(record(4), now=0.0)
    assert builder.oldest() is None
    assert builder.expected_offset == 5


def test_a_batch_starts_where_the_one_before_it_ended_not_at_its_first_record() -> None:
    builder = BatchBuilder(PLACE, 5, LIMITS)
    builder.add(record(9), now=0.0, lost=3)
    batch = drain(builder)[0]
    assert (batch.first_offset, batch.next_offset, batch.lost) == (5, 10, 3)


steps = st.tuples(st.integers(0, 3), st.integers(-30, 30), st.sampled_from((b"", b"x" * 40, b"x" * 200)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.lists(steps, max_size=40))
def test_batches_chain_and_keep_every_record_in_order(start: int, taken: list[tuple[int, int, bytes]]) -> None:
    builder = BatchBuilder(PLACE, start, LIMITS)
    offset, records = start, []
    for skipped, hours, value in taken:
        offset += skipped
        records.append(record(offset, NOON + timedelta(hours=hours), value))
        offset += 1
        builder.add(records[-1], now=0.0)
    batches = drain(builder)
    assert [it for batch in batches for it in batch.records] == records
    assert [batch.first_offset for batch in batches[1:]] == [batch.next_offset for batch in batches[:-1]]
    assert not batches or (batches[0].first_offset, batches[-1].next_offset) == (start, offset)
    for batch in batches:
        days = {it.timestamp.date() for it in batch.records if it.timestamp}
        assert max(days) == batch.day, "no record is younger than the day"
        assert len(batch.records) <= LIMITS.records
        assert sum(it.size_bytes for it in batch.records[:-1]) < LIMITS.size_bytes
