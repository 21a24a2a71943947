"""Every record becomes either a row or a letter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematch.contracts import dead_letter
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.event_codec import encode
from cinematch.contracts.lake_schema import from_table, letters_from_table
from cinematch.contracts.log_record import LogPartition, LogRecord
from data_lake.tables import DeadLettersTable, EventsTable, read_letter
from tests.histories import add
from tests.poison import key_of

NOON = datetime(2026, 1, 19, 12, tzinfo=UTC)
PLACE = LogPartition("topic", 1)


def record(offset: int, value: bytes | None) -> LogRecord:
    return LogRecord(PLACE, offset, NOON, key_of(value), value)


def test_an_event_becomes_a_row_with_its_place_and_anything_else_a_letter() -> None:
    event = add(1, "m1", 7.5, genres=("Drama",))
    encoded = EventsTable().encode([record(4, b"{"), record(5, encode(event))])
    assert from_table(encoded.table) == [event]
    (row,) = encoded.table.select(["kafka_partition", "kafka_offset", "kafka_timestamp"]).to_pylist()
    assert row == {"kafka_partition": 1, "kafka_offset": 5, "kafka_timestamp": NOON}
    (letter,) = encoded.rejected
    assert (letter.identity, letter.layer, letter.key, letter.value) == ("topic/1/4", "data_lake", b"key", b"{")


def test_a_letter_becomes_a_row() -> None:
    letter = DeadLetter("bad", "micro_batch", "topic", 3, 2**40, None, b"\xff", NOON)
    encoded = DeadLettersTable().encode([record(0, dead_letter.encode(letter))])
    assert (letters_from_table(encoded.table), encoded.rejected) == ([letter], [])


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"{",
        b"[]",
        b"{}",
        dead_letter.encode(DeadLetter("bad", "layer", "topic", 2**40, 1, None, None, NOON)),
        dead_letter.encode(DeadLetter("bad", "layer", "topic", 1, 1, None, None, NOON)).replace(b'"bad"', b"7"),
        dead_letter.encode(DeadLetter("bad", "layer", "topic", 1, 1, None, None, NOON)).replace(b'"bad"', b"null"),
        dead_letter.encode(DeadLetter("bad", "layer", "topic", 1, 1, None, None, NOON)).replace(b':"topic"', b":null"),
        dead_letter.encode(DeadLetter("bad", "layer", "topic", 1, 1, None, None, NOON)).replace(b"2026-", b"x-"),
        dead_letter.encode(DeadLetter("bad", "layer", "topic", 1, 1, None, None, NOON)).replace(
            b"2026-01-19T12:00:00.000Z", b"0001-01-01T00:00:00+14:00"
        ),
    ],
)
def test_what_is_no_letter_is_kept_as_the_value_of_one(value: bytes | None) -> None:
    (letter,) = letters_from_table(DeadLettersTable().encode([record(9, value)]).table)
    assert (letter.identity, letter.value) == ("topic/1/9", value)


def test_a_letter_is_the_same_from_the_log_as_from_the_lake() -> None:
    """A time without a zone is one of UTC, lest it could not be compared with those of other letters."""
    letter = DeadLetter("bad", "layer", "topic", 1, 1, None, None, NOON)
    read = read_letter(record(9, dead_letter.encode(letter).replace(b"00.000Z", b"00")))
    assert (read, read.rejected_at.tzinfo is None) == (letter, False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=40), st.just(encode(add(1, "m1")))), max_size=10))
def test_rows_and_letters_are_as_many_as_the_records(values: list[bytes | None]) -> None:
    records = [record(offset, value) for offset, value in enumerate(values)]
    encoded = EventsTable().encode(records)
    assert encoded.table.num_rows + len(encoded.rejected) == len(records)
    assert DeadLettersTable().encode(records).table.num_rows == len(records)
