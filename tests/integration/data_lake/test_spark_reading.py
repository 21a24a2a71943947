"""Spark reads the lake's current set of objects, in the columns of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from cinematch.spark.lake_reader import read_lake_events
from cinematch.spark.session import create_spark_session
from tests.histories import add
from tests.lakes import store_events
from tests.strategies import EPOCH

pytestmark = [pytest.mark.integration, pytest.mark.spark]


@pytest.fixture
def spark(minio_server: MinioServer, spark_jars: Path, settings: Settings) -> Iterator[SparkSession]:
    session = create_spark_session(settings, "lake-reader-test")
    yield session
    session.stop()


def test_rows_are_the_stored_events(spark: SparkSession, settings: Settings) -> None:
    assert read_lake_events(spark, settings).count() == 0
    stored = [add(number, f"m{number}", 7.5, genres=("Drama", "Action")) for number in range(1, 6)]
    store_events(settings, stored[:3])
    store_events(settings, stored[3:], kafka_time=EPOCH + timedelta(days=9))
    rows = read_lake_events(spark, settings).orderBy("sequence").collect()
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert [row.kafka_offset for row in rows] == [0, 1, 2, 3, 4]
    assert (rows[0].genres, rows[0].rating, rows[0].previous_rating) == (["Drama", "Action"], 7.5, None)
    assert [row.sequence for row in read_lake_events(spark, settings, EPOCH + timedelta(days=8)).collect()] == [4, 5]
