"""The stream: from the event log to Redis (micro-batch), or to the topic of deltas (real-time mode)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from cinematch.adapters.kafka_dead_letters import count_letters
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings
from cinematch.spark.kafka_options import kafka_options
from cinematch.spark.kafka_source import kafka_records, realtime_kafka_records
from cinematch.spark.stream_figures import tell_streams
from cinematch.telemetry import get_logger
from speed_layer.applier import LAYER, count_events
from speed_layer.transform import deltas
from speed_layer.worker import OUTCOME_COLUMNS, apply_records

RETRY_SECONDS: Final = 1.0
IN_FLIGHT: Final = "1"
"""What comes while one request is under way goes with the next: fewer requests when there is much, none later when not.

At 1,000 events a second the median from Kafka to Redis fell to 0.7 of what it was with Kafka's five; at 50 it stayed.
"""
log = get_logger(__name__)

T = TypeVar("T")
ReportBroken = Callable[[Iterable[str]], None]


class MicroBatch:
    """Applies each micro-batch, again and again until all of it is in Redis; only then may Spark commit it."""

    def __init__(self, settings: Settings, report_broken: ReportBroken, stop: threading.Event) -> None:
        self._apply = partial(apply_records, settings)
        self._report_broken = report_broken
        self._stop = stop
        self._with_gap: set[str] = set()  # in this micro-batch

    def process_batch(self, batch: DataFrame, batch_id: int) -> None:
        """Apply RECORD_COLUMNS. Raises StoreUnavailable when we are to stop while a store is away."""
        self._with_gap = set()
        while failure := self._attempt(batch):
            log.warning("the speed layer waits", batch=batch_id, reason=failure)
            if self._stop.wait(RETRY_SECONDS):
                raise StoreUnavailable("redis", failure)

    def _attempt(self, batch: DataFrame) -> str | None:
        slots = batch.sparkSession.sparkContext.defaultParallelism
        applied = batch.coalesce(slots).mapInArrow(self._apply, OUTCOME_COLUMNS)  # one wave of tasks, order kept
        outcomes = applied.toArrow().to_pydict()
        self._count(outcomes)
        self._report_broken(_told(outcomes["broken_user"]))
        return next(_told(outcomes["failure"]), None)

    def _count(self, outcomes: Mapping[str, list[Any]]) -> None:
        """Count what this attempt did; a user at whose gap an earlier one stopped is counted already.

        An attempt of Spark's own for a task that died tells nothing: what that had applied is counted as duplicates.
        """
        found = set(_told(outcomes["gap_user"])) - self._with_gap
        self._with_gap |= found
        count_events(sum(_told(outcomes["applied"])), sum(_told(outcomes["duplicates"])), len(found))
        count_letters(LAYER, _told(outcomes["rejected"]))


def _told(column: Iterable[T | None]) -> Iterator[T]:
    return (value for value in column if value is not None)


def start_micro_batch(
    spark: SparkSession, settings: Settings, report_broken: ReportBroken, stop: threading.Event
) -> StreamingQuery:
    """Start the stream that applies events itself, batch by batch."""
    tell_streams(spark)
    batches = MicroBatch(settings, report_broken, stop)
    return (
        kafka_records(spark, settings)
        .writeStream.queryName("micro_batch")
        .foreachBatch(batches.process_batch)
        .trigger(processingTime=f"{settings.speed_trigger_seconds} seconds")
        .option("checkpointLocation", str(settings.checkpoint_dir / "speed_layer" / "micro_batch"))
        .start()
    )


def start_realtime(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """Start the stream that publishes deltas in real-time mode; it holds one task slot per partition of the log."""
    tell_streams(spark)
    writer = (
        deltas(realtime_kafka_records(spark, settings))
        .writeStream.queryName("realtime")
        .format("kafka")
        .options(**kafka_options(settings.kafka))
        .option("topic", settings.speed_deltas_topic)
        .option("kafka.max.in.flight.requests.per.connection", IN_FLIGHT)
        .outputMode("update")
        .option("checkpointLocation", str(settings.checkpoint_dir / "speed_layer" / "realtime"))
    )
    interval = f"{settings.speed_checkpoint_seconds} seconds"
    return writer.trigger(realTime=interval).start()  # type: ignore[call-overload, no-any-return]  # untyped in pyspark
