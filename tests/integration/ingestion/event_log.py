"""Reads a whole topic, for tests."""

from __future__ import annotations

from kafka import KafkaConsumer, TopicPartition

from cinematch.contracts.event_codec import decode
from cinematch.domain.events import Event
from cinematch.settings import Settings


def published(settings: Settings) -> list[Event]:
    """Give every event of the event log as it is now, repeated ones too, each user's in the order of the log."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, group_id=None)
    try:
        partitions = [TopicPartition(settings.events_topic, number) for number in range(settings.topic_partitions)]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        events: list[Event] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    event = decode(record.value)
                    assert record.key == event.user_id.encode()
                    events.append(event)
        return events
    finally:
        consumer.close()
