"""What each stream takes from the parsed event log: DataFrames in, DataFrames out, no I/O."""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql.functions import col, when

from cinematch.spark.kafka_source import EVENT_COLUMNS, RECORD_COLUMNS

WATERMARK: Final = "1 hour"


def user_requests(parsed: DataFrame, partitions: int) -> DataFrame:
    """Keep what a refresh needs, in `partitions` partitions at most, each user's events together in one of them.

    Together they are already, for the log's key is the user: its partitions are joined, never split, without a shuffle.

    In: PARSED_COLUMNS. Out: user_id STRING, sequence BIGINT, reason STRING, topic STRING, partition INT, offset BIGINT,
    key BINARY, value BINARY, trace BINARY. Key and value of valid events are null: they have been read.
    """
    is_rejected = col("reason").isNotNull()
    return parsed.select(
        "user_id",
        "sequence",
        "reason",
        *(name for name in RECORD_COLUMNS.names if name not in ("key", "value")),
        when(is_rejected, col("key")).alias("key"),
        when(is_rejected, col("value")).alias("value"),
    ).coalesce(partitions)


def trend_events(parsed: DataFrame) -> DataFrame:
    """Keep the valid events, with a watermark on `event_time`.

    In: PARSED_COLUMNS. Out: EVENT_COLUMNS. The watermark drops nothing, for Spark keeps no state here: an event counts
    once, however late it comes.
    """
    events = parsed.where(col("reason").isNull()).select(*EVENT_COLUMNS.names)
    return events.withWatermark("event_time", WATERMARK)
