"""The event log as a stream of typed rows: what every streaming layer starts from.

Enters: records of the events topic, from its earliest offset unless the query's checkpoint says otherwise. Leaves: one
row per record, also for a record that is no event; nothing is dropped here. Guaranteed: of one user, rows come in the
order of the log. Not guaranteed: that a row comes once (a restart repeats the last micro-batch).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that Spark's users know
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from cinematch.contracts.event_codec import to_document
from cinematch.contracts.event_record import read_event
from cinematch.errors import InvalidEvent
from cinematch.process_memory import keep_what_is_loaded
from cinematch.settings import Settings
from cinematch.spark.kafka_options import kafka_options
from cinematch.tracing import TRACEPARENT, TRACEPARENT_MOST_BYTES

FETCH_WAIT_MILLISECONDS: Final = 1
"""How long the broker may keep a micro-batch's request for more. Spark asks for each partition's ends on the same line,
and that question waits behind such a request: with Kafka's 500 ms a micro-batch took 0.4 s in place of 0.2, and some
took more than one. What a micro-batch is to read is there already."""
EVENT_COLUMNS: Final = StructType(
    [
        StructField("schema_version", IntegerType()),
        StructField("event_id", StringType()),
        StructField("event_type", StringType()),
        StructField("user_id", StringType()),
        StructField("movie_id", StringType()),
        StructField("movie_name", StringType()),
        StructField("genres", ArrayType(StringType())),
        StructField("rating", DoubleType()),
        StructField("previous_rating", DoubleType()),
        StructField("sequence", LongType()),
        StructField("event_time", TimestampType()),
        StructField("watched_at", TimestampType()),
        StructField("added_at", TimestampType()),
    ]
)
"""The fields of an event. `event_codec.from_document` reads a row that comes by Arrow (`mapInArrow`, `toArrow`), where
times are aware; those of `collect` are naive, in the machine's own zone."""
RECORD_COLUMNS: Final = StructType(
    [
        StructField("topic", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("key", BinaryType()),
        StructField("value", BinaryType()),
        StructField("trace", BinaryType()),
    ]
)
"""Where a record stood and what it holds; `trace` is its header `traceparent`, null without one."""
DECODED_COLUMNS: Final = StructType([*EVENT_COLUMNS.fields, StructField("reason", StringType())])
PARSED_COLUMNS: Final = StructType([*DECODED_COLUMNS.fields, *RECORD_COLUMNS.fields])


def kafka_records(spark: SparkSession, settings: Settings, max_events_per_trigger: int | None = None) -> DataFrame:
    """Read the events topic as a stream of RECORD_COLUMNS.

    Each micro-batch takes at most `max_events_per_trigger` records (default: the setting). Events that Kafka no longer
    has although the checkpoint expects them fail the query: they are never skipped in silence. A query may then start
    anew without its checkpoint, for replaying is harmless everywhere.
    """
    limit = max_events_per_trigger or settings.max_events_per_trigger
    reader = _reader(spark, settings).option("kafka.fetch.max.wait.ms", FETCH_WAIT_MILLISECONDS)
    return _records(reader.option("maxOffsetsPerTrigger", limit))


def realtime_kafka_records(spark: SparkSession, settings: Settings) -> DataFrame:
    """Read the events topic as `kafka_records` does, for the real-time trigger, which knows no limit of records."""
    return _records(_reader(spark, settings))


def parsed_stream(spark: SparkSession, settings: Settings, max_events_per_trigger: int | None = None) -> DataFrame:
    """Read and decode the events topic; see `kafka_records` and `parsed`."""
    return parsed(kafka_records(spark, settings, max_events_per_trigger))


def parsed(records: DataFrame) -> DataFrame:
    """Decode RECORD_COLUMNS into PARSED_COLUMNS, on the executors.

    A valid event has `reason` null and all its fields; a record that is no event has the reason and no event field.
    Topic, partition, offset, key, value and trace are kept as they came.
    """
    return records.mapInArrow(_decode_batches, PARSED_COLUMNS)


def _reader(spark: SparkSession, settings: Settings) -> DataStreamReader:
    return (
        spark.readStream.format("kafka")
        .options(**kafka_options(settings.kafka))
        .option("subscribe", settings.events_topic)
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("includeHeaders", "true")
    )


def _records(reader: DataStreamReader) -> DataFrame:
    return reader.load().withColumn("trace", _trace_header()).select(*RECORD_COLUMNS.names)


def _trace_header() -> Column:
    """Give the record's first trace header, unless it is longer than any such header: it may be anybody's."""
    named = F.filter("headers", lambda header: header["key"] == TRACEPARENT)
    value = F.get(named, F.lit(0))["value"]
    return F.when(F.length(value) <= TRACEPARENT_MOST_BYTES, value)


def _decode_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    keep_what_is_loaded()
    schema = to_arrow_schema(DECODED_COLUMNS, timezone="UTC")
    for batch in batches:
        rows = list(map(_decoded, batch.column("key").to_pylist(), batch.column("value").to_pylist()))
        decoded = pa.RecordBatch.from_pylist(rows, schema=schema)
        record = [batch.column(name) for name in RECORD_COLUMNS.names]
        yield pa.RecordBatch.from_arrays([*decoded.columns, *record], names=PARSED_COLUMNS.names)


def _decoded(key: bytes | None, value: bytes | None) -> dict[str, Any]:
    try:
        return to_document(read_event(key, value))
    except InvalidEvent as invalid:
        return {"reason": invalid.reason}
