"""A topic as a log: read from given offsets to its present end, and single records published again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.contracts.lake_schema import timestamp_from_kafka
from cinematch.contracts.log_record import LogPartition, LogRecord, trace_headers
from cinematch.errors import StoreUnavailable

TIMEOUT_MS: Final = 10_000
POLL_MS: Final = 500


def read_log(brokers: Brokers, topic: str, starts: Mapping[LogPartition, int]) -> Iterator[LogRecord]:
    """Give the records that the topic has now, each partition from its start (without one: from 0) or what is left.

    Ends at the offsets that were the ends when it began. Raises StoreUnavailable.
    """
    with _translated(brokers):
        consumer: Any = KafkaConsumer(
            **connection(brokers),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            bootstrap_timeout_ms=TIMEOUT_MS,
            allow_auto_create_topics=False,
        )
        try:
            yield from _records(consumer, topic, starts)
        finally:
            consumer.close()


def _records(consumer: Any, topic: str, starts: Mapping[LogPartition, int]) -> Iterator[LogRecord]:
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    if not partitions:
        return
    consumer.assign(partitions)
    begins = consumer.beginning_offsets(partitions, timeout_ms=TIMEOUT_MS)
    ends = consumer.end_offsets(partitions, timeout_ms=TIMEOUT_MS)
    for partition in partitions:
        place = LogPartition(topic, partition.partition)
        consumer.seek(partition, min(max(starts.get(place, 0), begins[partition]), ends[partition]))
    while any(consumer.position(partition, timeout_ms=TIMEOUT_MS) < ends[partition] for partition in partitions):
        for partition, batch in consumer.poll(timeout_ms=POLL_MS).items():
            place = LogPartition(topic, partition.partition)
            for raw in batch:
                if raw.offset < ends[partition]:
                    yield LogRecord(place, raw.offset, timestamp_from_kafka(raw.timestamp), raw.key, raw.value)


def record_at(brokers: Brokers, place: LogPartition, offset: int) -> LogRecord | None:
    """Give the record of this offset; None when Kafka has none there any more. Raises StoreUnavailable."""
    partition = TopicPartition(place.topic, place.partition)
    with _translated(brokers):
        consumer: Any = KafkaConsumer(
            **connection(brokers),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=1,
            bootstrap_timeout_ms=TIMEOUT_MS,
            allow_auto_create_topics=False,
        )
        try:
            consumer.assign([partition])
            if not _reaches(consumer, partition, offset):
                return None
            consumer.seek(partition, offset)
            raw = _next(consumer, partition)
        finally:
            consumer.close()
    if raw.offset != offset:
        return None
    return LogRecord(place, raw.offset, timestamp_from_kafka(raw.timestamp), raw.key, raw.value)


def _reaches(consumer: Any, partition: TopicPartition, offset: int) -> bool:
    begin = consumer.beginning_offsets([partition], timeout_ms=TIMEOUT_MS)[partition]
    return bool(begin <= offset < consumer.end_offsets([partition], timeout_ms=TIMEOUT_MS)[partition])


def _next(consumer: Any, partition: TopicPartition) -> Any:
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        if batch := consumer.poll(timeout_ms=POLL_MS).get(partition):
            return batch[0]
    raise StoreUnavailable("kafka", f"{partition.topic}/{partition.partition} gives no record in {TIMEOUT_MS} ms")


class RecordPublisher:
    """Publishes single records, acknowledged by all in-sync replicas, to the partition that their key belongs to.

    It connects when the first record is published.
    """

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._producer: Any = None

    def publish(self, topic: str, key: bytes | None, value: bytes | None, traceparent: str | None = None) -> str:
        """Publish one record, with its trace, and wait; gives `topic/partition/offset`. Raises StoreUnavailable."""
        with _translated(self._brokers):
            if self._producer is None:
                self._producer = KafkaProducer(**connection(self._brokers), max_block_ms=TIMEOUT_MS)
            sending = self._producer.send(topic, value, key=key, headers=trace_headers(traceparent))
            sent = sending.get(timeout=TIMEOUT_MS / 1000)
        return f"{sent.topic}/{sent.partition}/{sent.offset}"

    def close(self) -> None:
        """End the connection."""
        if self._producer is not None:
            self._producer.close()


@contextmanager
def _translated(brokers: Brokers | None = None) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise unavailable(error, brokers) from error
