"""Real-time mode's part of the work, in Spark's native expressions alone: the records of the event log become deltas.

In: RECORD_COLUMNS of cinematch.spark.kafka_source. Out: key, value (binary) and headers (array of (key string, value
binary)), the columns of Spark's Kafka sink. A delta is the event itself, with its place in the log (`origin`) and its
trace (`traceparent`) in headers, and `reason` where this screening found that it is no event. Screening is necessary,
not sufficient: the applier decodes every delta by the contract. Python functions are out of the question, for in
real-time mode they hold rows back until the trigger ends.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name that Spark's users know
from pyspark.sql.types import IntegerType, LongType, StringType, StructField, StructType

from cinematch.contracts.dead_letter import CARRIED_BYTES, CARRIED_KEY_BYTES
from cinematch.contracts.event_codec import MAX_EVENT_BYTES
from cinematch.contracts.speed_delta import ORIGIN_HEADER, REASON_HEADER
from cinematch.domain.events import SCHEMA_VERSION
from cinematch.tracing import TRACEPARENT

_SCREENED: Final = StructType(
    [
        StructField("schema_version", IntegerType()),
        StructField("user_id", StringType()),
        StructField("sequence", LongType()),
    ]
)


def deltas(records: DataFrame) -> DataFrame:
    """Turn records into deltas, one for one and in order.

    A value is cut to CARRIED_BYTES and a key to CARRIED_KEY_BYTES, which no event reaches: together with the headers,
    whatever the log has accepted (also compressed, or at its own limit) still fits into one message.
    """
    fields = F.from_json(F.col("value").cast("string"), _SCREENED)
    return records.select(
        F.substring("key", 1, CARRIED_KEY_BYTES).alias("key"),
        F.substring("value", 1, CARRIED_BYTES).alias("value"),
        F.array(
            _header(ORIGIN_HEADER, _origin()),
            _header(REASON_HEADER, _reason(fields)),
            _header(TRACEPARENT, F.col("trace")),
        ).alias("headers"),
    )


def _reason(fields: Column) -> Column:
    size = F.coalesce(F.length("value"), F.lit(0))
    is_event = (fields["schema_version"] == SCHEMA_VERSION) & fields["user_id"].isNotNull() & (fields["sequence"] >= 1)
    return (
        F.when(size == 0, "the message is empty")
        .when(
            size > MAX_EVENT_BYTES, F.format_string(f"the message has %d bytes; the limit is {MAX_EVENT_BYTES}", size)
        )
        .when(~F.coalesce(is_event, F.lit(False)), f"no event of schema_version {SCHEMA_VERSION}")
    )


def _origin() -> Column:
    return F.concat_ws("/", "topic", "partition", "offset")


def _header(name: str, text: Column) -> Column:
    return F.struct(F.lit(name).alias("key"), text.cast("binary").alias("value"))
