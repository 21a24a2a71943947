"""Whether Kafka still has the record at which the lake ends.

A log that lost its end (a power cut on one broker, a follower that was elected although it lacked records) and grew
again has other events under offsets that the lake knows. Its length tells nothing then; its record does. Pure.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from cinematch.contracts.lake_file import OFFSET
from cinematch.contracts.log_record import LogRecord
from data_lake.tables import LakeTable

TIMESTAMP: Final = "kafka_timestamp"
Row = dict[str, Any]


def last_row(rows: pa.Table, table: LakeTable) -> Row | None:
    """Give what names the row of the highest offset; None when there is no row (all was rejected, or erased)."""
    if not rows.num_rows:
        return None
    highest = pc.index(rows[OFFSET], pc.max(rows[OFFSET])).as_py()
    return _identity(rows.slice(highest, 1), table)


def is_same(row: Row, record: LogRecord, table: LakeTable) -> bool:
    """Say whether `record` is the one that `row` was made of.

    What this version does not read as a row any more is judged by its time alone.
    """
    if record.timestamp != row[TIMESTAMP]:
        return False
    read = table.encode([record]).table
    return not read.num_rows or _identity(read, table) == row


def _identity(rows: pa.Table, table: LakeTable) -> Row:
    row: Row = rows.select([*table.sorted_by, TIMESTAMP]).to_pylist()[0]
    return row
