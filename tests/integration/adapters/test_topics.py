"""Topics on a real broker: made when missing, kept as long as we say, and otherwise left alone."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from cinematch.adapters.kafka_topics import DAY_MS, ensure_topics
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.settings import Settings
from tests.lake_stage import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def topic() -> str:
    return f"films-{secrets.token_hex(4)}"


def await_retention(kafka: KafkaServer, topic: str, days: int) -> None:
    """Wait until the broker has heard from its controller what a topic's own configuration is."""
    wanted = {"retention.ms": str(days * DAY_MS)}
    wait_until(lambda: configuration(kafka, topic) == wanted, f"{wanted} of {topic}")


def configuration(kafka: KafkaServer, topic: str) -> dict[str, Any]:
    """What of a topic's configuration is its own."""
    client = KafkaAdminClient(bootstrap_servers=kafka.address)
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, None)
        found = client.describe_configs([asked])["topic"].get(topic, {})
        return {name: it["value"] for name, it in found.items()}
    finally:
        client.close()


def test_a_topic_is_made_with_its_retention(kafka_server: KafkaServer, topic: str) -> None:
    ensure_topics(kafka_server.address, {topic: 1}, {topic: 12, "another": 1})
    await_retention(kafka_server, topic, 12)


def test_a_topic_that_is_there_is_brought_up_to_date(kafka_server: KafkaServer, topic: str) -> None:
    ensure_topics(kafka_server.address, {topic: 1})
    assert configuration(kafka_server, topic) == {}
    for days in (12, 3, 3):
        ensure_topics(kafka_server.address, {topic: 1}, {topic: days})
        await_retention(kafka_server, topic, days)


def test_without_a_retention_nothing_is_changed(kafka_server: KafkaServer, topic: str) -> None:
    ensure_topics(kafka_server.address, {topic: 1}, {topic: 12})
    await_retention(kafka_server, topic, 12)
    ensure_topics(kafka_server.address, {topic: 1})
    assert configuration(kafka_server, topic) == {"retention.ms": str(12 * DAY_MS)}


def test_events_and_deltas_are_kept_alike_and_dead_letters_by_their_own_setting() -> None:
    settings = Settings(topic_retention_days=5, dead_letter_retention_days=60)
    assert settings.topic_retentions == {
        settings.events_topic: 5,
        settings.speed_deltas_topic: 5,
        settings.dead_letter_topic: 60,
    }
