"""Spark reads the lake's current set of objects, in the columns of the contract."""

from __future__ import annotations

from datetime import timedelta

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
def lake_spark(spark: SparkSession, minio_server: MinioServer, settings: Settings) -> SparkSession:
    """The tests' session, led to the tests' bucket."""
    return create_spark_session(settings, "tests")


def test_rows_are_the_stored_events(lake_spark: SparkSession, settings: Settings) -> None:
    assert read_lake_events(lake_spark, settings).count() == 0
    stored = [add(number, f"m{number}", 7.5, genres=("Drama", "Action")) for number in range(1, 6)]
    store_events(settings, stored[:3])
    store_events(settings, stored[3:], kafka_time=EPOCH + timedelta(days=9))
    rows = read_lake_events(lake_spark, settings).orderBy("sequence").collect()
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert [row.kafka_offset for row in rows] == [0, 1, 2, 3, 4]
    assert (rows[0].genres, rows[0].rating, rows[0].previous_rating) == (["Drama", "Action"], 7.5, None)
    assert [row.sequence for row in read_lake_events(lake_spark, settings, EPOCH + timedelta(days=8)).collect()] == [
        4,
        5,
    ]
