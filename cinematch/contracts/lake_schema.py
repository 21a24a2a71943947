"""What the lake's Parquet files look like: schemas with field ids and a version, and the way to and from our types.

Rows are whole events with the place they had in Kafka. A lake keeps what was published, repeats included: readers
de-duplicate by `(user_id, sequence)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import pyarrow as pa

from cinematch.arrow_rows import rows_of
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.event_codec import from_document
from cinematch.contracts.log_record import LogRecord
from cinematch.contracts.times import from_milliseconds
from cinematch.domain.events import Event

LAKE_SCHEMA_VERSION: Final = 1
VERSION_KEY: Final = b"cinematch.lake_schema_version"
_MOMENT: Final = pa.timestamp("ms", tz="UTC")


def _schema(*columns: tuple[str, pa.DataType, bool]) -> pa.Schema:
    """Number the columns from 1: ids stay with their columns for ever, whatever order or names a later version has."""
    fields = [
        pa.field(name, kind, nullable, metadata={b"PARQUET:field_id": str(number).encode()})
        for number, (name, kind, nullable) in enumerate(columns, start=1)
    ]
    return pa.schema(fields, metadata={VERSION_KEY: str(LAKE_SCHEMA_VERSION).encode()})


EVENTS_SCHEMA: Final = _schema(
    ("schema_version", pa.int32(), False),
    ("event_id", pa.string(), False),
    ("event_type", pa.string(), False),
    ("user_id", pa.string(), False),
    ("movie_id", pa.string(), False),
    ("movie_name", pa.string(), False),
    ("genres", pa.list_(pa.field("element", pa.string(), False)), False),
    ("rating", pa.float64(), True),
    ("previous_rating", pa.float64(), True),
    ("sequence", pa.int64(), False),
    ("event_time", _MOMENT, False),
    ("watched_at", _MOMENT, True),
    ("added_at", _MOMENT, True),
    ("kafka_partition", pa.int32(), False),
    ("kafka_offset", pa.int64(), False),
    ("kafka_timestamp", _MOMENT, True),
)
"""Columns of `user-events/`: those of the event, then where the record was in Kafka."""

DEAD_LETTERS_SCHEMA: Final = _schema(
    ("reason", pa.string(), False),
    ("layer", pa.string(), False),
    ("topic", pa.string(), False),
    ("partition", pa.int32(), False),
    ("offset", pa.int64(), False),
    ("key", pa.binary(), True),
    ("value", pa.binary(), True),
    ("rejected_at", _MOMENT, False),
    ("kafka_partition", pa.int32(), False),
    ("kafka_offset", pa.int64(), False),
    ("kafka_timestamp", _MOMENT, True),
    ("traceparent", pa.string(), True),
)
"""Columns of `user-events-dead-letter/`: those of the letter, and where the letter itself was in Kafka.

`traceparent` came later than the others: it is absent from older files, and null for a reader of this schema.
"""


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Where a row was in Kafka."""

    partition: int
    offset: int
    timestamp: datetime | None

    @staticmethod
    def of(record: LogRecord) -> KafkaPlace:
        """Give the place of `record`."""
        return KafkaPlace(record.place.partition, record.offset, record.timestamp)


_PLACE_COLUMNS: Final = (attrgetter("partition"), attrgetter("offset"), attrgetter("timestamp"))
_EVENT_COLUMNS: Final = tuple(
    attrgetter("event_type.value" if name == "event_type" else name)
    for name in EVENTS_SCHEMA.names[: -len(_PLACE_COLUMNS)]
)
"""By column, for a dictionary a row would take longer than all the rest."""


def to_table(rows: Iterable[tuple[Event, KafkaPlace]]) -> pa.Table:
    """Give events as a table of EVENTS_SCHEMA, in the order given."""
    placed = list(rows)
    events, places = [event for event, _ in placed], [place for _, place in placed]
    columns = [list(map(read, events)) for read in _EVENT_COLUMNS]
    columns += [list(map(read, places)) for read in _PLACE_COLUMNS]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, EVENTS_SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=EVENTS_SCHEMA)


def from_table(table: pa.Table) -> list[Event]:
    """Give the events of a table that has the event's columns, in its order."""
    return [from_document(document) for document in rows_of(table)]


def letters_to_table(rows: Iterable[tuple[DeadLetter, KafkaPlace]]) -> pa.Table:
    """Give dead letters as a table of DEAD_LETTERS_SCHEMA, in the order given.

    Raises ValueError where one lacks what every letter has: a table would hold it, a Parquet file does not.
    """
    documents = [_letter_columns(letter) | _place_columns(place) for letter, place in rows]
    table = pa.Table.from_pylist(documents, schema=DEAD_LETTERS_SCHEMA)
    lacking = [it.name for it in table.schema if not it.nullable and table[it.name].null_count]
    if lacking:
        raise ValueError(f"a letter has no {lacking[0]}")
    return table


def letters_from_table(table: pa.Table) -> list[DeadLetter]:
    """Give the dead letters of a table, in its order."""
    columns = [name for name in DEAD_LETTERS_SCHEMA.names if not name.startswith("kafka_")]
    return [DeadLetter(**document) for document in rows_of(table.select(columns))]


def _letter_columns(letter: DeadLetter) -> dict[str, Any]:
    return {
        "reason": letter.reason,
        "layer": letter.layer,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "value": letter.value,
        "rejected_at": letter.rejected_at,
        "traceparent": letter.traceparent,
    }


def _place_columns(place: KafkaPlace) -> dict[str, Any]:
    return {
        "kafka_partition": place.partition,
        "kafka_offset": place.offset,
        "kafka_timestamp": place.timestamp,
    }


def timestamp_from_kafka(milliseconds: int) -> datetime | None:
    """Read Kafka's timestamp; None for "none" (negative) and for what no calendar has."""
    if milliseconds < 0:
        return None
    try:
        return from_milliseconds(milliseconds)
    except OverflowError:
        return None
