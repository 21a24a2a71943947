"""What the lake makes of a topic's records: rows of one table, and letters for those that are no rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from cinematch.contracts import dead_letter
from cinematch.contracts.dead_letter import DeadLetter, rejection
from cinematch.contracts.event_record import read_event
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, EVENTS_FOLDER
from cinematch.contracts.lake_schema import (
    DEAD_LETTERS_SCHEMA,
    EVENTS_SCHEMA,
    KafkaPlace,
    letters_from_table,
    letters_to_table,
    to_table,
)
from cinematch.contracts.log_record import LogRecord
from cinematch.errors import InvalidEvent

LAYER: Final = "data_lake"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows, and the letters of the records that are no rows: together as many as the records."""

    table: pa.Table
    rejected: list[DeadLetter]


class LakeTable(Protocol):
    """One folder of the lake, filled from one topic."""

    @property
    def folder(self) -> str:
        """Name the folder."""

    @property
    def sorted_by(self) -> tuple[str, ...]:
        """Name the columns by which compaction sorts."""

    @property
    def schema(self) -> pa.Schema:
        """Give the columns."""

    def encode(self, records: Iterable[LogRecord]) -> Encoded:
        """Turn records into rows, in their order."""

    def of_erased(self, user_id: str, floor: int) -> pc.Expression:
        """Find the rows to be forgotten of a user who was erased."""


class EventsTable:
    """The events; what is no event is rejected."""

    folder = EVENTS_FOLDER
    sorted_by = ("user_id", "sequence", "kafka_offset")
    schema = EVENTS_SCHEMA

    def encode(self, records: Iterable[LogRecord]) -> Encoded:
        """Read each record by the event contract."""
        rows, rejected = [], []
        for record in records:
            try:
                rows.append((read_event(record.key, record.value), KafkaPlace.of(record)))
            except InvalidEvent as error:
                rejected.append(rejection(record, error.reason, LAYER))
        return Encoded(to_table(rows), rejected)

    def of_erased(self, user_id: str, floor: int) -> pc.Expression:
        """Find the user's events up to the floor."""
        return (pc.field("user_id") == user_id) & (pc.field("sequence") <= floor)


class DeadLettersTable:
    """The dead letters. Nothing is rejected here: a record that is no letter is kept as the value of one."""

    folder = DEAD_LETTERS_FOLDER
    sorted_by = ("topic", "partition", "offset", "kafka_offset")
    schema = DEAD_LETTERS_SCHEMA

    def encode(self, records: Iterable[LogRecord]) -> Encoded:
        """Decode each record as a letter."""
        return Encoded(letters_to_table((read_letter(record), KafkaPlace.of(record)) for record in records), [])

    def of_erased(self, user_id: str, floor: int) -> pc.Expression:
        """Find every record of the user's key: what is no event has no sequence that could be compared."""
        return pc.field("key") == user_id.encode()


def read_letter(record: LogRecord) -> DeadLetter:
    """Read a record of the dead-letter topic, whatever it holds: what the table cannot keep and give is no letter."""
    try:
        letter = dead_letter.decode(record.value or b"")
        (kept,) = letters_from_table(letters_to_table([(letter, KafkaPlace.of(record))]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return rejection(record, "a record of the dead-letter topic that is no dead letter", LAYER)
    return kept
