"""A MongoDB collection as a table, by MongoDB's own connector.

The address goes with each read: the connector takes nothing from a session that has started, and what is set before
the start would show the address, password included, in the JVM's command line.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from cinematch.settings import Settings


def read_collection(spark: SparkSession, settings: Settings, collection: str, columns: StructType) -> DataFrame:
    """Read `columns` of a collection; a field that a document lacks, or has of another type, is null."""
    return (
        spark.read.format("mongodb")
        .option("connection.uri", settings.mongodb_url)
        .option("database", settings.mongodb_database)
        .option("collection", collection)
        .schema(columns)
        .load()
    )
