"""The record at which the lake ends is known again, and no other is taken for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cinematch.contracts.event_codec import encode
from cinematch.contracts.lake_file import decode_file, encode_file
from cinematch.contracts.log_record import LogPartition, LogRecord
from data_lake.continuity import is_same, last_row
from data_lake.tables import DeadLettersTable, EventsTable, LakeTable
from tests.histories import add
from tests.unit.data_lake.links import link

PLACE = LogPartition("log", 0)
NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)


def record(offset: int, sequence: int = 1, user: str = "ann") -> LogRecord:
    return LogRecord(PLACE, offset, NOW, user.encode(), encode(add(sequence, "m1", 7, user)))


@pytest.mark.parametrize("table", [EventsTable(), DeadLettersTable()])
def test_the_last_record_is_known_again(table: LakeTable) -> None:
    records = [record(5, 2), record(7, 3), record(6, 1)]
    _, body = encode_file(table.encode(records).table, link(5, 8))
    row = last_row(decode_file(body), table)
    assert row is not None
    assert row["kafka_offset"] == 7
    assert is_same(row, records[1], table)
    assert not is_same(row, replace(records[1], timestamp=NOW + timedelta(milliseconds=1)), table)


@pytest.mark.parametrize("other", [record(7, 4), record(7, 3, "bob"), record(8, 3)])
def test_another_event_of_the_same_time_is_another_record(other: LogRecord) -> None:
    row = last_row(EventsTable().encode([record(7, 3)]).table, EventsTable())
    assert row is not None
    assert not is_same(row, other, EventsTable())


def test_where_nothing_is_left_to_compare_nothing_differs() -> None:
    assert last_row(EventsTable().encode([]).table, EventsTable()) is None
    row = last_row(EventsTable().encode([record(7, 3)]).table, EventsTable())
    assert row is not None
    assert is_same(row, LogRecord(PLACE, 7, NOW, b"ann", b"no event for this version"), EventsTable())
