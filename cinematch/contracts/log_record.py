"""Records of the event log as Kafka keeps them, before anybody has looked into their value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cinematch.tracing import TRACEPARENT, Trace, read_trace

Headers = tuple[tuple[str, bytes | None], ...]


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
    headers: Headers = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")

    @property
    def trace(self) -> Trace | None:
        """Give the trace of the request that the record comes from; None where no header says so."""
        return next((read_trace(value) for name, value in self.headers if name == TRACEPARENT), None)


def trace_headers(traceparent: str | None) -> list[tuple[str, bytes]]:
    """Give the headers that carry a trace on; none without one."""
    return [] if traceparent is None else [(TRACEPARENT, traceparent.encode())]
