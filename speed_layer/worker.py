"""One partition of a micro-batch, on a Spark worker: its events go to Redis, pipelined, without a shuffle.

A Kafka partition holds each of its users whole and in order, so a Spark partition needs no regrouping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import pyarrow as pa
from pyspark.sql.types import DataType, LongType, StringType, StructField, StructType

from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.otlp_spans import export_spans
from cinematch.adapters.redis_client import connect
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.dead_letter import DeadLetter, blamed
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import StoreUnavailable
from cinematch.process_memory import keep_what_is_loaded
from cinematch.settings import Settings
from cinematch.telemetry import configure_logging
from cinematch.tracing import TRACEPARENT
from speed_layer.applier import Applier, Arrival, Outcomes, to_be_looked_at

OUTCOME_COLUMNS: Final = StructType(
    [
        StructField("applied", LongType()),
        StructField("duplicates", LongType()),
        StructField("gap_user", StringType()),
        StructField("broken_user", StringType()),
        StructField("rejected", StringType()),
        StructField("failure", StringType()),
    ]
)
"""Of each batch of records one row with how many events were `applied` and how many had been before (`duplicates`),
one per user at whose gap it stopped (`gap_user`), one per user whose view lacks events or was begun (`broken_user`),
one per dead letter (`rejected`: the field at fault), and one if a store could not be reached (`failure`)."""
_ARROW_TYPES: Final[dict[DataType, pa.DataType]] = {LongType(): pa.int64(), StringType(): pa.string()}
_OUTCOMES: Final = pa.schema([(field.name, _ARROW_TYPES[field.dataType]) for field in OUTCOME_COLUMNS])


def apply_records(settings: Settings, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Apply RECORD_COLUMNS, give OUTCOME_COLUMNS; for `mapInArrow`. After a failure nothing more is tried."""
    keep_what_is_loaded()
    for batch in batches:
        report = Report()
        try:
            view, office = _stores(settings)
            applier = Applier(view, WorkersOffice(office, report), report.tell)
            applier.apply(map(_arrival, batch.to_pylist()))
        except StoreUnavailable as error:
            yield pa.RecordBatch.from_pylist([*report.rows(), {"failure": str(error)}], schema=_OUTCOMES)
            return
        yield pa.RecordBatch.from_pylist(report.rows(), schema=_OUTCOMES)


class Report:
    """What the driver learns of one batch of records: its metrics are the layer's, and its guardian has users repaired.

    It has whatever was answered, also when a store went away then: a later attempt meets that as duplicates.
    """

    def __init__(self) -> None:
        self._outcomes: list[Outcomes] = []
        self.rejected: list[str] = []

    def tell(self, outcomes: Outcomes) -> None:
        """Take one answer of the view."""
        self._outcomes.append(outcomes)

    def rows(self) -> list[Mapping[str, object]]:
        """Give rows of OUTCOME_COLUMNS; what a row does not name is null there."""
        told = [outcome for outcomes in self._outcomes for outcome in outcomes.items()]
        return [
            {
                "applied": sum(outcome.applied for _, outcome in told),
                "duplicates": sum(outcome.duplicates for _, outcome in told),
            },
            *({"gap_user": user_id} for user_id, outcome in told if outcome.gap_at is not None),
            *({"broken_user": user_id} for outcomes in self._outcomes for user_id in to_be_looked_at(outcomes)),
            *({"rejected": field} for field in self.rejected),
        ]


class WorkersOffice:
    """Publishes letters, and reports the fields at fault."""

    def __init__(self, office: DeadLetterOffice, report: Report) -> None:
        self._office = office
        self._report = report

    def publish(self, letters: Iterable[DeadLetter]) -> None:
        """Publish letters; returns when they are safe. Raises StoreUnavailable."""
        kept = list(letters)
        self._office.publish(kept)
        self._report.rejected += [blamed(letter.reason) for letter in kept]


@lru_cache(maxsize=1)
def _stores(settings: Settings) -> tuple[RedisSpeedView, DeadLetterOffice]:
    """Connect this worker process, once: Spark keeps it for later partitions."""
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "speed-layer")
    view = RedisSpeedView(connect(settings), settings.speed_idle_expiry_seconds)
    return view, DeadLetterOffice(settings.kafka, settings.dead_letter_topic)


def _arrival(row: dict[str, object]) -> Arrival:
    place = LogPartition(row["topic"], row["partition"])  # type: ignore[arg-type]
    trace = row["trace"]
    headers = ((TRACEPARENT, trace),) if trace else ()
    return Arrival(LogRecord(place, row["offset"], None, row["key"], row["value"], headers))  # type: ignore[arg-type]
