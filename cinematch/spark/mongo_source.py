"""A MongoDB collection as a table, by MongoDB's own connector.

The address goes with each read: the connector takes nothing from a session that has started, and what is set before
the start would show the address, password included, in the JVM's command line.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from cinematch.settings import Settings

ONE_PARTITION: Final = "com.mongodb.spark.sql.connector.read.partitioner.SinglePartitionPartitioner"
"""What the layers read is small, and the connector's own choice fails on a collection that is there and empty."""


def read_collection(spark: SparkSession, settings: Settings, collection: str, columns: StructType) -> DataFrame:
    """Read `columns` of a collection; a field that a document lacks, or has of another type, is null."""
    return (
        spark.read.format("mongodb")
        .option("connection.uri", _address(settings))
        .option("database", settings.mongodb_database)
        .option("collection", collection)
        .option("partitioner", ONE_PARTITION)
        .schema(columns)
        .load()
    )


def _address(settings: Settings) -> str:
    """Ask for TLS as our other clients do; which certificates count is the JVM's matter (see `trust_store`)."""
    url = settings.mongodb_url
    if settings.mongodb_ca_file is None or "tls=" in url or "ssl=" in url:
        return url
    if "?" in url:
        return f"{url}&tls=true"
    has_path = "/" in url.removeprefix("mongodb://").removeprefix("mongodb+srv://")
    return f"{url}{'' if has_path else '/'}?tls=true"
