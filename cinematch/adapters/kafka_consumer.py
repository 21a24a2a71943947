"""A member of a consumer group that says itself where each partition starts, instead of trusting committed offsets."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.adapters.kafka_log import record_at
from cinematch.contracts.lake_schema import timestamp_from_kafka
from cinematch.contracts.log_record import LogPartition, LogRecord

REQUEST_TIMEOUT_MS: Final = 5_000
SESSION_TIMEOUT_MS: Final = 10_000
"""How long a dead member keeps its partitions."""
MAX_POLL_RECORDS: Final = 5_000


@dataclass(frozen=True, slots=True)
class LogExtent:
    """The offsets that a partition still has: [first, end), and Kafka's id of the topic."""

    first: int
    end: int
    topic_id: str


class GroupConsumer:
    """Consumes the partitions that the group gives to this process, each from where `start` says.

    A partition that was just assigned gives no records until it is started; after a rebalance it must be started
    again, also when it came back at once. For one thread. Raises StoreUnavailable.
    """

    def __init__(self, brokers: Brokers, group_id: str, topics: Iterable[str]) -> None:
        self._brokers = brokers
        self._assignment = _Assignment()
        with _translated(brokers):
            self._consumer: Any = KafkaConsumer(
                **connection(brokers),
                group_id=group_id,
                enable_auto_commit=False,
                # Where a partition stands before it is started does not matter; without a policy it would be an error.
                auto_offset_reset="earliest",
                session_timeout_ms=SESSION_TIMEOUT_MS,
                max_poll_records=MAX_POLL_RECORDS,
                allow_auto_create_topics=False,
                metadata_max_age_ms=30_000,
                reconnect_backoff_max_ms=2_000,
                bootstrap_timeout_ms=REQUEST_TIMEOUT_MS,
            )
            self._consumer.subscribe(topics=list(topics), listener=self._assignment)

    def poll(self, timeout_seconds: float) -> dict[LogPartition, list[LogRecord]]:
        """Wait for records of started partitions; empty when there are none in time, or Kafka is away."""
        with _translated():
            batches = self._consumer.poll(timeout_ms=int(timeout_seconds * 1000))
        started = self._assignment.started()
        return {
            place: [_record(place, raw) for raw in records]
            for partition, records in batches.items()
            if (place := LogPartition(partition.topic, partition.partition)) in started
        }

    def waiting(self) -> set[LogPartition]:
        """Give the partitions that are this process's own and not started yet."""
        return self._assignment.waiting()

    def assigned(self) -> set[LogPartition]:
        """Give all partitions that are this process's own."""
        return self._assignment.assigned()

    def start(self, place: LogPartition, offset: int) -> None:
        """Let `place` give records from `offset` on; nothing happens when it was taken away meanwhile."""
        with suppress(KeyError, AssertionError, ValueError):  # taken away meanwhile
            self._consumer.seek(_partition(place), offset)
            self._assignment.mark_started(place)

    def restart(self, place: LogPartition) -> None:
        """Let `place` wait for its start again."""
        self._assignment.mark_waiting(place)

    def hold(self, held: bool) -> None:
        """Stop all partitions from giving records, or let them go on; the process stays a member of the group."""
        change = self._consumer.pause if held else self._consumer.resume
        for place in self._assignment.assigned():
            with suppress(KeyError, AssertionError, ValueError):  # taken away meanwhile
                change(_partition(place))

    def extent(self, place: LogPartition) -> LogExtent:
        """Ask the broker which offsets it still has, and for the topic's id."""
        partition = _partition(place)
        with _translated():
            first = self._consumer.beginning_offsets([partition], timeout_ms=REQUEST_TIMEOUT_MS)[partition]
            end = self._consumer.end_offsets([partition], timeout_ms=REQUEST_TIMEOUT_MS)[partition]
        return LogExtent(first, end, topic_id(self._brokers, place.topic))

    def record_at(self, place: LogPartition, offset: int) -> LogRecord | None:
        """Read one record, whatever this member consumes; None when Kafka has none there any more."""
        return record_at(self._brokers, place, offset)

    def committed(self, place: LogPartition) -> int:
        """Give the offset up to which the group said that this partition is done; 0 when it never did."""
        with _translated():
            offset = self._consumer.committed(_partition(place), timeout_ms=REQUEST_TIMEOUT_MS)
        return offset or 0

    def commit(self, offsets: Mapping[LogPartition, int]) -> None:
        """Tell the group how far each partition is done."""
        marks = {_partition(place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        with _translated():
            self._consumer.commit(marks, timeout_ms=REQUEST_TIMEOUT_MS)

    def close(self) -> None:
        """Leave the group."""
        with _translated():
            self._consumer.close(autocommit=False, timeout_ms=REQUEST_TIMEOUT_MS)


def topic_id(brokers: Brokers, topic: str) -> str:
    """Give Kafka's id of a topic: another one after the topic was deleted and created again."""
    with _translated(brokers):
        admin = KafkaAdminClient(
            **connection(brokers),
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            bootstrap_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            (description,) = admin.describe_topics([topic])
            return str(description["topic_id"])
        finally:
            admin.close()


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # the driver ships no types
    """What the group gave us. The driver calls from its own thread, so every access takes the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[LogPartition] = set()
        self._started: set[LogPartition] = set()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        places = _places(assigned)
        with self._lock:
            self._started -= places
            self._waiting |= places

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        places = _places(revoked)
        with self._lock:
            self._started -= places
            self._waiting -= places

    def started(self) -> set[LogPartition]:
        with self._lock:
            return set(self._started)

    def waiting(self) -> set[LogPartition]:
        with self._lock:
            return set(self._waiting)

    def assigned(self) -> set[LogPartition]:
        with self._lock:
            return self._started | self._waiting

    def mark_started(self, place: LogPartition) -> None:
        with self._lock:
            if place in self._waiting:
                self._waiting.remove(place)
                self._started.add(place)

    def mark_waiting(self, place: LogPartition) -> None:
        with self._lock:
            if place in self._started:
                self._started.remove(place)
                self._waiting.add(place)


def _places(partitions: Iterable[TopicPartition]) -> set[LogPartition]:
    return {LogPartition(it.topic, it.partition) for it in partitions}


def _partition(place: LogPartition) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


def _record(place: LogPartition, raw: Any) -> LogRecord:
    return LogRecord(place, raw.offset, timestamp_from_kafka(raw.timestamp), raw.key, raw.value, tuple(raw.headers))


@contextmanager
def _translated(brokers: Brokers | None = None) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise unavailable(error, brokers) from error
