"""How far the log reaches and how far its readers are: for those who look on, without reading along."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.contracts.lake_schema import timestamp_from_kafka
from cinematch.contracts.log_record import LogPartition, LogRecord

TIMEOUT_MS: Final = 3_000
POLL_MS: Final = 200
RECORDS_SECONDS: Final = 2.0
"""How long a look waits for single records."""

Offsets = Mapping[LogPartition, int]


@dataclass(frozen=True, slots=True)
class LogLag:
    """How far a reader is behind: records not read yet, and how long the oldest of them has been in the log."""

    events: int
    seconds: float


class LogWatch:
    """Looks at topics and groups; it joins no group and commits nothing. For any thread, one at a time.

    It connects with the first look, and anew after one that failed. Raises StoreUnavailable.
    """

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._admin: Any = None

    def ends(self, topic: str) -> dict[LogPartition, int]:
        """Give the offset that the next record of each partition will have; nothing for a topic that is not there."""
        with self._connected():
            partitions = [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()]
            ends = self._consumer.end_offsets(partitions, timeout_ms=TIMEOUT_MS) if partitions else {}
        return {LogPartition(it.topic, it.partition): offset for it, offset in ends.items()}

    def committed(self, group: str, topic: str) -> dict[LogPartition, int]:
        """Give the offset up to which a group has committed each partition; those it never committed are absent."""
        with self._connected():
            found = self._admin.list_group_offsets({group: None}).get(group, {})
        return {
            LogPartition(it.topic, it.partition): mark.offset
            for it, mark in found.items()
            if it.topic == topic and mark.offset >= 0
        }

    def members(self, group: str) -> int:
        """Count the processes that are in a group now."""
        with self._connected():
            return len(self._admin.describe_groups([group])[group]["members"])

    def records(self, places: Offsets) -> dict[LogPartition, LogRecord]:
        """Read one record of each partition: that at the offset, or the first one after it that is left.

        A partition that gives none in time is absent.
        """
        wanted = {TopicPartition(place.topic, place.partition): offset for place, offset in places.items()}
        found: dict[LogPartition, LogRecord] = {}
        if not wanted:
            return found
        with self._connected():
            self._consumer.assign(list(wanted))
            for partition, offset in wanted.items():
                self._consumer.seek(partition, offset)
            deadline = time.monotonic() + RECORDS_SECONDS
            while len(found) < len(wanted) and time.monotonic() < deadline:
                for partition, batch in self._consumer.poll(timeout_ms=POLL_MS).items():
                    place = LogPartition(partition.topic, partition.partition)
                    found.setdefault(place, _record(place, batch[0]))
            self._consumer.unsubscribe()
        return found

    def lag(self, topic: str, reached: Offsets) -> LogLag:
        """Compare the ends of a topic with how far a reader is (a partition that it does not know: at 0)."""
        ends = self.ends(topic)
        behind = {place: reached.get(place, 0) for place, end in ends.items() if reached.get(place, 0) < end}
        events = sum(ends[place] - offset for place, offset in behind.items())
        times = [it.timestamp for it in self.records(behind).values() if it.timestamp is not None]
        waited = (datetime.now(UTC) - min(times)).total_seconds() if times else 0.0
        return LogLag(events, max(0.0, waited))

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            self._disconnect()

    @contextmanager
    def _connected(self) -> Iterator[None]:
        with self._lock:
            try:
                self._connect()
                yield
            except KafkaError as error:
                self._disconnect()
                raise unavailable(error, self._brokers) from error

    def _connect(self) -> None:
        if self._admin is not None:
            return
        address = connection(self._brokers) | {"bootstrap_timeout_ms": TIMEOUT_MS}
        self._consumer = KafkaConsumer(
            **address, auto_offset_reset="earliest", enable_auto_commit=False, allow_auto_create_topics=False
        )
        self._admin = KafkaAdminClient(**address, request_timeout_ms=TIMEOUT_MS)

    def _disconnect(self) -> None:
        for client in (self._consumer, self._admin):
            if client is not None:
                with suppress(KafkaError):
                    client.close()
        self._consumer = self._admin = None


def _record(place: LogPartition, raw: Any) -> LogRecord:
    return LogRecord(place, raw.offset, timestamp_from_kafka(raw.timestamp), raw.key, raw.value, tuple(raw.headers))
