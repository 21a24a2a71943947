"""The producer of events on a real Kafka: order, also when Kafka refuses an event for good."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from kafka.admin import KafkaAdminClient
from kafka.producer.transaction_manager import TransactionManager

from cinematch.adapters import kafka_producer
from cinematch.adapters.kafka_producer import EventPublisher
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.ports import free_port
from cinematch.settings import Settings
from tests.histories import add
from tests.integration.ingestion.event_log import published

LIMIT_BYTES = 150_000  # above a whole batch of the publisher


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a loaded machine take its time to connect."""
    monkeypatch.setattr(kafka_producer, "_CONNECT_MS", 30_000)


@pytest.mark.usefixtures("_patience")
def test_events_arrive_in_the_order_of_their_publication(kafka_server: KafkaServer, settings: Settings) -> None:
    events = [add(number, f"m{number}", 7.5, user_id=f"u{number % 7}") for number in range(1, 3_001)]
    with closing(EventPublisher(settings.kafka_bootstrap_servers, settings.events_topic)) as publisher:
        for event in events:
            publisher.publish(event)
        assert publisher.wait(60)
    arrived = published(settings)
    for user in {event.user_id for event in events}:
        assert [event for event in arrived if event.user_id == user] == [e for e in events if e.user_id == user]


@pytest.mark.usefixtures("_patience")
@pytest.mark.parametrize("carries_on", [False, True], ids=["the driver gives up", "the driver carries on"])
def test_nothing_overtakes_an_event_that_kafka_refuses(
    kafka_server: KafkaServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, carries_on: bool
) -> None:
    if carries_on:  # as it does after some errors: under a new epoch, with what comes after the refused batch
        verdict = TransactionManager.ERROR_CLASS_NEEDS_EPOCH_BUMP
        monkeypatch.setattr(TransactionManager, "classify_batch_error", lambda *_, **__: verdict)
    topic = f"{settings.events_topic}.limited"
    configs = {"max.message.bytes": str(LIMIT_BYTES)}
    with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)) as admin:
        admin.create_topics({topic: {"num_partitions": 4, "configs": configs}}, wait_for_metadata=True)
    too_large = replace(add(2, "large"), movie_name="x" * 2 * LIMIT_BYTES)
    with closing(EventPublisher(settings.kafka_bootstrap_servers, topic)) as publisher:
        publisher.publish(add(1, "a"))
        assert publisher.wait(30)
        with suspended(kafka_server):  # so that all of these are handed in before the first is refused
            for event in [too_large, *(add(number, f"m{number}") for number in range(3, 2_000))]:
                publisher.publish(event)
        with pytest.raises(StoreUnavailable):
            publisher.wait(30)
        with pytest.raises(StoreUnavailable):
            publisher.publish(add(2_000, "z"))
        time.sleep(1)  # whatever were still on its way would arrive now
    arrived = published(settings.model_copy(update={"events_topic": topic}))
    assert [event.sequence for event in arrived] == [1]


@contextmanager
def suspended(server: KafkaServer) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_without_kafka_it_says_so_in_time() -> None:
    with closing(EventPublisher(f"127.0.0.1:{free_port()}", "events")) as publisher:
        with pytest.raises(StoreUnavailable):
            publisher.publish(add(1, "a"))
        with pytest.raises(StoreUnavailable):
            publisher.wait(0.1)
