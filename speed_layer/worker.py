"""One partition of a micro-batch, on a Spark worker: its events go to Redis, pipelined, without a shuffle.

A Kafka partition holds each of its users whole and in order, so a Spark partition needs no regrouping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import pyarrow as pa
from pyspark.sql.types import StringType, StructField, StructType

from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.otlp_spans import export_spans
from cinematch.adapters.redis_client import connect
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.dead_letter import DeadLetter, blamed
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings
from cinematch.spark.worker_memory import keep_what_is_loaded
from cinematch.telemetry import configure_logging
from cinematch.tracing import TRACEPARENT
from speed_layer.applier import Applier, Arrival

OUTCOME_COLUMNS: Final = StructType(
    [
        StructField("broken_user", StringType()),
        StructField("rejected", StringType()),
        StructField("failure", StringType()),
    ]
)
"""One row per user whose view lacks events (`broken_user`), one per dead letter (`rejected`: the field at fault), and
one if a store could not be reached (`failure`)."""
_OUTCOMES: Final = pa.schema([(name, pa.string()) for name in OUTCOME_COLUMNS.names])


def apply_records(settings: Settings, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Apply RECORD_COLUMNS, give OUTCOME_COLUMNS; for `mapInArrow`. After a failure nothing more is tried."""
    keep_what_is_loaded()
    for batch in batches:
        try:
            applier, office = _applier(settings)
            broken = applier.apply(map(_arrival, batch.to_pylist()))
        except StoreUnavailable as error:
            yield pa.RecordBatch.from_pylist([{"failure": str(error)}], schema=_OUTCOMES)
            return
        outcomes = [{"broken_user": user_id} for user_id in broken] + [{"rejected": it} for it in office.take_fields()]
        yield pa.RecordBatch.from_pylist(outcomes, schema=_OUTCOMES)


class WorkersOffice:
    """Publishes letters, and keeps the fields at fault for the driver, whose metrics are the layer's."""

    def __init__(self, office: DeadLetterOffice) -> None:
        self._office = office
        self._fields: list[str] = []

    def publish(self, letters: Iterable[DeadLetter]) -> None:
        """Publish letters; returns when they are safe. Raises StoreUnavailable."""
        kept = list(letters)
        self._office.publish(kept)
        self._fields += [blamed(letter.reason) for letter in kept]

    def take_fields(self) -> list[str]:
        """Give the fields of the letters since this was asked last."""
        taken, self._fields = self._fields, []
        return taken


@lru_cache(maxsize=1)
def _applier(settings: Settings) -> tuple[Applier, WorkersOffice]:
    """Connect this worker process, once: Spark keeps it for later partitions."""
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "speed-layer")
    view = RedisSpeedView(connect(settings), settings.speed_idle_expiry_seconds)
    office = WorkersOffice(DeadLetterOffice(settings.kafka, settings.dead_letter_topic))
    return Applier(view, office), office


def _arrival(row: dict[str, object]) -> Arrival:
    place = LogPartition(row["topic"], row["partition"])  # type: ignore[arg-type]
    trace = row["trace"]
    headers = ((TRACEPARENT, trace),) if trace else ()
    return Arrival(LogRecord(place, row["offset"], None, row["key"], row["value"], headers))  # type: ignore[arg-type]
