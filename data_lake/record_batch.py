"""Batches of records of one partition: what becomes one object of the lake.

Pure: no clock, no I/O. Enters: records in the order of their offsets. Leaves: batches that chain without a gap, closed
by number of records, by bytes, by age, or by the end of a day (see `lake_paths`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import date

from cinematch.contracts.lake_paths import day_of
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import CineMatchError


class OffsetsWentBack(CineMatchError):
    """A record came whose offset the partition had passed already: its log is not the one that we were reading."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is full or old enough."""

    records: int
    size_bytes: int
    age_seconds: float


@dataclass(slots=True)
class RecordBatch:
    """Records of the offsets [first_offset, next_offset); `lost` of these were deleted by Kafka before we came.

    `opened_at` is monotonic time in seconds.
    """

    place: LogPartition
    first_offset: int
    opened_at: float
    day: date
    records: list[LogRecord] = field(default_factory=list)
    lost: int = 0
    size_bytes: int = 0

    @property
    def next_offset(self) -> int:
        """Give the offset at which the next batch starts."""
        return self.records[-1].offset + 1

    def append(self, record: LogRecord, lost: int) -> None:
        """Add the next record."""
        self.records.append(record)
        self.lost += lost
        self.size_bytes += record.size_bytes


class BatchBuilder:
    """Collects one partition's records from `first_offset` on."""

    def __init__(self, place: LogPartition, first_offset: int, limits: BatchLimits) -> None:
        self.place = place
        self.expected_offset = first_offset
        self._limits = limits
        self._batches: deque[RecordBatch] = deque()

    def add(self, record: LogRecord, now: float, lost: int = 0) -> None:
        """Take the next record; `lost` says how many of the offsets skipped before it Kafka had deleted.

        Other skipped offsets are holes, which Kafka's logs may have. Raises OffsetsWentBack, and takes nothing.
        """
        if record.offset < self.expected_offset:
            raise OffsetsWentBack(f"{self.place}: offset {self.expected_offset} was due, {record.offset} came")
        if not self._batches or self._closed_before(record):
            batch = RecordBatch(self.place, self.expected_offset, now, day_of(record.timestamp))
            self._batches.append(batch)
        self._batches[-1].append(record, lost)
        self.expected_offset = record.offset + 1

    def due(self, now: float) -> RecordBatch | None:
        """Give the oldest batch if it is closed, full or old enough; it stays until `remove_oldest`."""
        if not self._batches:
            return None
        oldest = self._batches[0]
        aged = now - oldest.opened_at >= self._limits.age_seconds
        return oldest if len(self._batches) > 1 or self._full(oldest) or aged else None

    def oldest(self) -> RecordBatch | None:
        """Give the oldest batch, due or not: for a process that ends."""
        return self._batches[0] if self._batches else None

    def remove_oldest(self) -> None:
        """Forget the oldest batch: the lake has it."""
        self._batches.popleft()

    def _closed_before(self, record: LogRecord) -> bool:
        current = self._batches[-1]
        return self._full(current) or day_of(record.timestamp) > current.day

    def _full(self, batch: RecordBatch) -> bool:
        return len(batch.records) >= self._limits.records or batch.size_bytes >= self._limits.size_bytes
