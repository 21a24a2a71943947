"""Stream 2: the community's trends, kept by adding what each event changes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.arrow_rows import rows_of
from cinematch.contracts.event_codec import from_document
from cinematch.errors import Conflict
from cinematch.settings import Settings
from cinematch.telemetry import get_logger
from micro_batch.transform import trend_events
from micro_batch.trends_document import Source, trends_document

NAME: Final = "global_trends"
CHUNK_EVENTS: Final = 5_000
"""Events counted in one transaction."""
log = get_logger(__name__)


def start_global_trends_stream(
    spark: SparkSession, parsed_stream: DataFrame, *, settings: Settings, trends: GlobalTrends
) -> StreamingQuery:
    """Start the stream; it fails as a whole, and repeats its micro-batch when it is started again.

    Output mode is update; what is "updated" lives in MongoDB, not in Spark: Spark would emit running totals, and lose
    them with the checkpoint. Needs a finished bootstrap.
    """
    return (
        trend_events(parsed_stream)
        .writeStream.queryName(NAME)
        .outputMode("update")
        .foreachBatch(partial(write_global_trends_to_mongo, trends=trends))
        .option("checkpointLocation", str(settings.checkpoint_dir / "micro_batch" / NAME))
        .trigger(processingTime=f"{settings.global_trends_trigger_seconds} seconds")
        .start()
    )


def write_global_trends_to_mongo(batch_df: DataFrame, batch_id: int, *, trends: GlobalTrends) -> None:
    """Count the events of the micro-batch that are not counted yet, then publish the document.

    Runs on the driver, the one writer of the counts: popular films would make writers on many workers collide. It may
    run again with the same events, all or some, in other groups, here or in another process: each event counts once.
    """
    started = time.monotonic()
    window_start = trends.window_start()
    if window_start is None:
        raise Conflict("the global trends have no window: bootstrap_global_stats has not finished")
    events = batch_df.toArrow().sort_by([("user_id", "ascending"), ("sequence", "ascending")])
    counted = sum(_count(chunk, trends, window_start) for chunk in _chunks(events))
    publish_trends(trends, window_start)
    seconds = round(time.monotonic() - started, 3)
    log.info("global trends written", batch=batch_id, events=events.num_rows, counted=counted, seconds=seconds)


def publish_trends(trends: GlobalTrends, window_start: datetime) -> None:
    """Let readers see what is counted. Raises StoreUnavailable."""
    now = datetime.now(UTC)
    trends.publish(partial(trends_document, source=Source.STREAM, window_start=window_start, now=now))


def _count(chunk: pa.Table, trends: GlobalTrends, window_start: datetime) -> int:
    return trends.count([from_document(row) for row in rows_of(chunk)], window_start)


def _chunks(events: pa.Table) -> list[pa.Table]:
    """Cut the events, of each user in order, into groups for one transaction each."""
    return [events.slice(start, CHUNK_EVENTS) for start in range(0, events.num_rows, CHUNK_EVENTS)]
