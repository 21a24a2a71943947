"""Records of the event log as Kafka keeps them, before anybody has looked into their value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class LogPartition:
    """One partition of one topic: the unit of order."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record; `timestamp` is Kafka's, in UTC, None where the record has none; `headers` as they came, in order."""

    place: LogPartition
    offset: int
    timestamp: datetime | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")
