"""The dead-letter office while its broker is away."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cinematch.adapters import kafka_dead_letters
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.contracts.dead_letter import rejection
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration
LETTER = rejection(LogRecord(LogPartition("events", 0), 1, datetime.now(UTC), b"key", b"{"), "no JSON", "test")


def test_a_letter_that_is_not_acknowledged_in_time_means_that_kafka_is_unavailable(
    settings: Settings, kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = DeadLetterOffice(settings.kafka_bootstrap_servers, settings.dead_letter_topic)
    office.publish([LETTER])
    monkeypatch.setattr(kafka_dead_letters, "TIMEOUT_SECONDS", 0.5)
    kafka_server.kill()
    try:
        with pytest.raises(StoreUnavailable):
            office.publish([LETTER])
    finally:
        kafka_server.start()
        kafka_server.wait_ready()
    monkeypatch.undo()
    office.publish([LETTER])
    office.close()
