"""The session: where it listens, what it hides, and that the stores' connectors find their stores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient
from pyspark.sql import SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from cinematch.errors import ConfigurationError
from cinematch.settings import Settings
from cinematch.spark.mongo_source import read_collection
from cinematch.spark.session import create_spark_session

pytestmark = [pytest.mark.integration, pytest.mark.spark]


def java_process() -> psutil.Process:
    children = psutil.Process(os.getpid()).children()
    return next(child for child in children if "java" in child.name() and "SparkSubmit" in " ".join(child.cmdline()))


def test_everything_listens_on_loopback(spark: SparkSession) -> None:
    spark.range(10).count()
    listening = [c.laddr.ip for c in java_process().net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_the_connectors_read_mongodb_and_s3_without_a_secret_in_a_command_line(
    spark: SparkSession, mongo_server: Any, minio_server: Any, settings: Settings
) -> None:
    session = create_spark_session(settings, "tests")
    with MongoClient[dict[str, Any]](settings.mongodb_url) as client:
        client[settings.mongodb_database].films.insert_one({"_id": "m1", "title": "Film"})

    films = read_collection(session, settings, "films", StructType([StructField("title", StringType())]))
    assert [row.title for row in films.collect()] == ["Film"]
    folder = f"s3a://{settings.lake_bucket}/numbers"
    session.range(5).write.parquet(folder)
    assert session.read.parquet(folder).count() == 5
    assert settings.s3_secret_access_key.get_secret_value() not in " ".join(java_process().cmdline())


def test_a_collection_that_is_there_and_empty_is_a_table_without_rows(
    spark: SparkSession, mongo_server: Any, settings: Settings
) -> None:
    with MongoClient[dict[str, Any]](settings.mongodb_url) as client:
        client[settings.mongodb_database].create_collection("films")

    films = read_collection(spark, settings, "films", StructType([StructField("title", StringType())]))
    assert films.collect() == []


def test_a_folder_without_jars_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SPARK_JARS_DIR"):
        create_spark_session(Settings(spark_jars_dir=tmp_path), "tests")
