"""Events for a load, and the plain producer that publishes them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kafka import KafkaProducer

from benchmarks.population import SEED
from cinematch.contracts.event_codec import encode
from cinematch.domain.events import Event, EventType
from ingestion.seeding.catalog import invented_catalog

EPOCH: Final = datetime(2026, 1, 19, tzinfo=UTC)
Record = tuple[bytes, bytes]


def additions(users: Sequence[str], events_each: int) -> list[Event]:
    """Give events that add a film each, users in turns; of one user they are 1, 2, 3, ..."""
    films = invented_catalog(SEED)
    return [
        Event(
            event_id=f"0190b6d0-0000-7000-8000-{place * len(users) + number:012x}",
            event_type=EventType.ADD,
            user_id=user,
            movie_id=(film := films[(place + 7 * number) % len(films)]).movie_id,
            movie_name=film.title,
            genres=film.genres,
            rating=0.5 + (place + number) % 20 / 2,
            previous_rating=None,
            sequence=place + 1,
            event_time=(now := EPOCH + timedelta(milliseconds=place * len(users) + number)),
            watched_at=now,
            added_at=now,
        )
        for place in range(events_each)
        for number, user in enumerate(users)
    ]


def records(events: Iterable[Event]) -> list[Record]:
    """Give keys and values as the relay publishes them."""
    return [(event.user_id.encode(), encode(event)) for event in events]


def publish(bootstrap_servers: str, topic: str, log: Iterable[Record]) -> float:
    """Publish as fast as kafka-python can, acknowledged by all; give the seconds that it took."""
    producer: Any = KafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=20, batch_size=128 * 1024)
    began = time.perf_counter()
    for key, value in log:
        producer.send(topic, key=key, value=value)
    producer.flush()
    seconds = time.perf_counter() - began
    producer.close()
    return seconds


def publish_on_schedule(bootstrap_servers: str, topic: str, log: Sequence[Record], rate: float) -> dict[str, float]:
    """Publish `rate` records a second, each at once; give when each was due, by key, on the clock `time.time`."""
    producer: Any = KafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=0)
    producer.partitions_for(topic)  # the first record must not wait for metadata
    due_at: dict[str, float] = {}
    start = time.time()
    for number, (key, value) in enumerate(log):
        due = start + number / rate
        if (delay := due - time.time()) > 0:
            time.sleep(delay)
        due_at[key.decode()] = due
        producer.send(topic, key=key, value=value)
    producer.flush()
    producer.close()
    return due_at
