"""The lake's events as a DataFrame, over the exact set of objects that is current when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import IntegerType, LongType, StructField, StructType, TimestampType

from cinematch.adapters import s3_lake
from cinematch.contracts.lake_paths import spark_uri
from cinematch.settings import Settings
from cinematch.spark.kafka_source import EVENT_COLUMNS

LAKE_EVENTS: Final = StructType(
    [
        *EVENT_COLUMNS.fields,
        StructField("kafka_partition", IntegerType()),
        StructField("kafka_offset", LongType()),
        StructField("kafka_timestamp", TimestampType()),
    ]
)
"""EVENTS_SCHEMA of contracts.lake_schema in Spark's types; a test holds the two together."""


def read_lake_events(spark: SparkSession, settings: Settings, since: datetime | None = None) -> DataFrame:
    """Read the events of the lake: columns of LAKE_EVENTS, rows in no order, repeats as they were published.

    `since` leaves out whole days: the answer holds every event that happened or reached Kafka at or after it, and
    some older ones. The set of objects is fixed when this returns, by the manifest and never by a glob; objects that
    compaction replaces meanwhile stay readable for its grace period. Raises StoreUnavailable.
    """
    return _read(spark, s3_lake.connect(settings).uris(since))


def read_lake_objects(spark: SparkSession, settings: Settings, keys: Iterable[str]) -> DataFrame:
    """Read the events of these objects of the lake's bucket, chosen by the caller from one `LakeFolder.view`."""
    return _read(spark, [spark_uri(settings.lake_bucket, key) for key in keys])


def _read(spark: SparkSession, uris: Sequence[str]) -> DataFrame:
    if not uris:
        return spark.createDataFrame([], LAKE_EVENTS)
    # Without recursiveFileLookup Spark would make the folder's dt=... a column.
    return spark.read.schema(LAKE_EVENTS).option("recursiveFileLookup", "true").parquet(*uris)
