"""What the two kinds of streams tell Kafka's consumer."""

from __future__ import annotations

from typing import Any

import pytest

from cinematch.settings import Settings
from cinematch.spark import kafka_source
from cinematch.spark.kafka_source import kafka_records, realtime_kafka_records

FETCH_WAIT = "kafka.fetch.max.wait.ms"


class Reader:
    """Stands for Spark and its reader of streams, and notes the options."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.readStream = self

    def format(self, name: str) -> Reader:
        return self

    def option(self, name: str, value: Any) -> Reader:
        self.told[name] = value
        return self

    def options(self, **told: Any) -> Reader:
        self.told |= told
        return self


def test_a_micro_batch_does_not_wait_for_more_and_real_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question about a partition's ends waits behind a request that the broker holds open."""
    monkeypatch.setattr(kafka_source, "_records", lambda reader: reader)
    batches: Any = kafka_records(Reader(), Settings())  # type: ignore[arg-type]
    realtime: Any = realtime_kafka_records(Reader(), Settings())  # type: ignore[arg-type]
    assert batches.told[FETCH_WAIT] <= 10
    assert FETCH_WAIT not in realtime.told
    assert set(batches.told) - set(realtime.told) == {FETCH_WAIT, "maxOffsetsPerTrigger"}
