"""One partition of a micro-batch of stream 1, on a Spark worker: dead letters out, statistics refreshed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa
from pyspark.sql.types import ArrayType, LongType, StringType, StructField, StructType

from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.mongodb_client import connect
from cinematch.contracts.dead_letter import DeadLetter, blamed, rejection
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.process_memory import keep_what_is_loaded
from cinematch.settings import Settings
from cinematch.telemetry import configure_logging, get_logger
from cinematch.tracing import TRACEPARENT, Trace, read_trace, tell_step
from micro_batch.user_stats import UserStatsStores, refresh_user_stats

LAYER: Final = "micro_batch"
log = get_logger(__name__)
OUTCOME_COLUMNS: Final = StructType(
    [
        StructField("worker", StringType()),
        StructField("users", LongType()),
        StructField("behind", StringType()),
        StructField("rejected", ArrayType(StringType())),
    ]
)
"""What a partition did: host/pid of the Python worker, users refreshed, a user with an event that MongoDB does not know
(null: none), and for each rejected record the field at fault."""


@dataclass(frozen=True, slots=True)
class WorkerStores:
    """The connections of one worker process."""

    user_stats: UserStatsStores
    dead_letters: DeadLetterOffice


@lru_cache(maxsize=1)
def worker_stores(settings: Settings) -> WorkerStores:
    """Connect this worker process, once: Spark keeps it for later partitions, and pools last as long."""
    configure_logging(settings.log_level, as_json=settings.log_json)
    stores = UserStatsStores.of(connect(settings), settings.mongodb_database)
    return WorkerStores(stores, DeadLetterOffice(settings.kafka, settings.dead_letter_topic))


def process_partition(iterator: Iterator[pa.RecordBatch], *, settings: Settings) -> Iterator[pa.RecordBatch]:
    """Handle the rows of `user_requests` that one worker got; yield one row of OUTCOME_COLUMNS.

    When it returns, rejected records are in the dead-letter topic and each user's statistics reach at least that
    user's highest event here. Repeating it changes nothing. Raises StoreUnavailable.
    """
    stores = worker_stores(settings)
    keep_what_is_loaded()
    highest: dict[str, int] = {}
    sampled: list[tuple[Trace, int]] = []
    rejected: list[str] = []
    for batch in iterator:
        rows = batch.to_pylist()
        letters = [_letter(row) for row in rows if row["reason"] is not None]
        stores.dead_letters.publish(letters)
        rejected += [blamed(letter.reason) for letter in letters]
        for row in rows:
            if row["reason"] is None:
                highest[row["user_id"]] = max(row["sequence"], highest.get(row["user_id"], 0))
                trace = read_trace(row["trace"])
                if trace is not None and trace.sampled:
                    sampled.append((trace, row["sequence"]))
    behind = refresh_user_stats(highest, stores.user_stats)
    for trace, sequence in sampled:
        tell_step(log, trace, "an event is in user_stats", sequence=sequence)
    worker = f"{socket.gethostname()}/{os.getpid()}"
    yield pa.RecordBatch.from_arrays(
        [[worker], [len(highest)], [next(iter(behind), None)], [rejected]], names=OUTCOME_COLUMNS.names
    )


def _letter(row: dict[str, Any]) -> DeadLetter:
    trace = row["trace"]
    headers = ((TRACEPARENT, trace),) if trace else ()
    place = LogPartition(row["topic"], row["partition"])
    record = LogRecord(place, row["offset"], None, row["key"], row["value"], headers)
    return rejection(record, row["reason"], LAYER)
