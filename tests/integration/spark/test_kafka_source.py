"""The event log as rows: typed events between records that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from pyspark.sql import SparkSession

from cinematch.contracts.event_codec import encode, from_document
from cinematch.settings import Settings
from cinematch.spark.kafka_source import PARSED_COLUMNS, parsed_stream
from cinematch.tracing import TRACEPARENT, TRACEPARENT_MOST_BYTES, Trace
from tests.histories import add, delete, update

pytestmark = [pytest.mark.integration, pytest.mark.spark]


@pytest.fixture
def producer(kafka_server: Any, settings: Settings) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    yield producer
    producer.close()


def read_all(spark: SparkSession, settings: Settings, checkpoint: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    query = (
        parsed_stream(spark, settings)
        .writeStream.foreachBatch(lambda batch, _: rows.extend(batch.toArrow().to_pylist()))
        .option("checkpointLocation", str(checkpoint))
        .trigger(availableNow=True)
        .start()
    )
    assert query.awaitTermination(300)
    return rows


def test_events_come_typed_and_in_order_and_other_records_with_a_reason(
    spark: SparkSession, settings: Settings, producer: KafkaProducer, tmp_path: Path
) -> None:
    first = add(1, "a.$b", 7.5, genres=("Sci-Fi", "Drama"))
    second = update(2, first, None)
    third = delete(3, second)
    for value in (encode(first), b"{", encode(second), None, b"x" * 70_000, encode(third)):
        producer.send(settings.events_topic, key=b"user", value=value)
    producer.flush()

    rows = sorted(read_all(spark, settings, tmp_path / "checkpoint"), key=lambda row: row["offset"])

    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert list(rows[0]) == PARSED_COLUMNS.names
    assert [row["reason"] for row in rows] == [
        None,
        "the message is not JSON in UTF-8",
        None,
        "the message is empty",
        "the message has 70000 bytes; the limit is 65536",
        None,
    ]
    assert [row["offset"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert {row["trace"] for row in rows} == {None}
    assert rows[1]["value"] == b"{"
    assert rows[1]["user_id"] is None
    assert rows[3]["value"] is None
    assert [from_document(row) for row in rows if row["reason"] is None] == [first, second, third]


def test_a_record_keeps_its_first_trace_header_unless_it_is_too_long(
    spark: SparkSession, settings: Settings, producer: KafkaProducer, tmp_path: Path
) -> None:
    own = str(Trace.begun()).encode()
    for headers in (
        [("other", b"x"), (TRACEPARENT, own), (TRACEPARENT, b"second")],
        [(TRACEPARENT, b"0" * (TRACEPARENT_MOST_BYTES + 1))],
        [("other", own)],
        [],
    ):
        producer.send(settings.events_topic, key=b"user", value=encode(add(1, "m")), headers=headers)
    producer.flush()
    rows = sorted(read_all(spark, settings, tmp_path / "checkpoint"), key=lambda row: row["offset"])
    assert [row["trace"] for row in rows] == [own, None, None, None]
