"""What the listener tells of real queries on a real log: rows, rates, phases, lag, and how they ended."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from cinematch.settings import Settings
from cinematch.spark.kafka_source import kafka_records
from cinematch.spark.stream_figures import StreamFigures, tell_streams
from tests.speed_stage import reached

pytestmark = [pytest.mark.integration, pytest.mark.spark]


def told(name: str, query: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"cinematch_{name}", {"query": query, **labels})


def run(spark: SparkSession, settings: Settings, query: str, checkpoint: Path, work: Any, limit: int) -> Any:
    return (
        kafka_records(spark, settings, limit)
        .writeStream.queryName(query)
        .foreachBatch(work)
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime="0 seconds")
        .start()
    )


def test_a_query_tells_what_it_reads_and_how_it_ends(
    spark: SparkSession, kafka_server: Any, settings: Settings, tmp_path: Path
) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    for number in range(12):
        producer.send(settings.events_topic, key=b"k", value=str(number).encode())
    producer.close()
    tell_streams(spark)
    tell_streams(spark)  # counted once all the same
    query = f"read-{secrets.token_hex(4)}"

    def work(batch: DataFrame, batch_id: int) -> None:
        batch.count()

    stream = run(spark, settings, query, tmp_path / "a", work, limit=5)
    reached(lambda: told("stream_rows_total", query) == 12, 90)
    reached(lambda: told("stream_lag_events", query) == 0, 30)
    assert told("stream_running", query) == 1
    assert told("stream_lag_seconds", query) == 0
    assert (told("stream_processed_rows_per_second", query) or 0) >= 0
    assert told("stream_state_rows", query) == 0
    assert (told("stream_phase_seconds_count", query, phase="addBatch") or 0) >= 3
    stream.stop()
    reached(lambda: told("streams_terminated_total", query, outcome="stopped") == 1, 30)
    assert told("streams_terminated_total", query, outcome="failed") == 0
    assert told("stream_running", query) == 0


def test_a_query_that_fails_is_told_as_failed(
    spark: SparkSession, kafka_server: Any, settings: Settings, tmp_path: Path
) -> None:
    def work(batch: DataFrame, batch_id: int) -> None:
        raise RuntimeError("on purpose")

    tell_streams(spark)
    query = f"fail-{secrets.token_hex(4)}"
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    producer.send(settings.events_topic, key=b"k", value=b"x")
    producer.close()
    stream = run(spark, settings, query, tmp_path / "b", work, limit=5)
    with pytest.raises(StreamingQueryException):
        stream.awaitTermination(60)
    reached(lambda: told("streams_terminated_total", query, outcome="failed") == 1, 30)
    assert told("stream_running", query) == 0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Report:
    """A report of Spark as the listener reads it."""

    inputRowsPerSecond, processedRowsPerSecond = float("nan"), 4.0  # noqa: N815 - Spark's names
    numInputRows, durationMs, stateOperators = 3, {"addBatch": 250}, ()  # noqa: N815 - Spark's names

    def __init__(self, name: str, end: str | None, latest: str | None) -> None:
        self.name = name
        self.sources = [type("Source", (), {"endOffset": end, "latestOffset": latest})]


def test_lag_is_counted_over_all_partitions_and_grows_with_the_clock_until_it_is_gone() -> None:
    clock, query = Clock(), f"lag-{secrets.token_hex(4)}"
    figures = StreamFigures(clock)
    figures.onQueryStarted(type("Started", (), {"name": query, "runId": "r"})())
    latest = '{"t": {"0": 10, "1": 7}}'
    figures.take(Report(query, '{"t": {"0": 4}}', latest))  # type: ignore[arg-type]
    assert told("stream_lag_events", query) == 13
    clock.now += 30
    assert told("stream_lag_seconds", query) == 30
    figures.take(Report(query, "not known", latest))  # type: ignore[arg-type]
    figures.take(Report(query, None, latest))  # type: ignore[arg-type]
    assert told("stream_lag_events", query) == 13
    assert told("stream_input_rows_per_second", query) is None
    figures.take(Report(query, latest, latest))  # type: ignore[arg-type]
    assert (told("stream_lag_events", query), told("stream_lag_seconds", query)) == (0, 0)
