"""The dead-letter topic on a real broker."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cinematch.adapters import kafka_dead_letters
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.contracts.dead_letter import CARRIED_BYTES, DeadLetter
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.ports import free_port
from tests.micro_batch_stage import Stage

pytestmark = pytest.mark.integration


def letter(offset: int, value: bytes) -> DeadLetter:
    now = datetime.now(UTC).replace(microsecond=0)
    return DeadLetter("no event", "micro_batch", "events", 3, offset, b"\x00key", value, now)


def test_letters_are_there_when_publish_returns_even_the_largest(kafka_server: KafkaServer, stage: Stage) -> None:
    office = DeadLetterOffice(stage.settings.kafka_bootstrap_servers, stage.settings.dead_letter_topic)
    small, large = letter(1, b"\xff\x00"), letter(2, b"x" * CARRIED_BYTES)
    office.publish([])
    office.publish([small, large])
    office.publish([small])
    assert stage.letters() == {"events/3/1": small, "events/3/2": large}
    office.close()


def test_without_a_broker_it_says_so_and_can_be_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_dead_letters, "CONNECT_MS", 300)
    office = DeadLetterOffice(f"127.0.0.1:{free_port()}", "nowhere")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="kafka"):
            office.publish([letter(1, b"")])
