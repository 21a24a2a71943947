"""The batch layer on a real mongod, MinIO, Redis and Spark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from batch_layer.exclusion import LEASE_NAME
from batch_layer.publication import Stores
from cinematch.adapters import mongodb_client, redis_client, s3_lake, s3_objects
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_batch_states import S3BatchStates
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.exclusion import new_owner
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from cinematch.spark.session import create_spark_session
from tests.batches import BatchLayer


@pytest.fixture
def batch_settings(
    mongo_server: MongoServer, minio_server: MinioServer, redis_server: RedisServer, settings: Settings
) -> Settings:
    """Settings without patience: what is replaced may go at once, a lease is short."""
    return settings.model_copy(update={"batch_grace_seconds": 0.0, "batch_lease_seconds": 2.0})


@pytest.fixture
def client(batch_settings: Settings) -> Iterator[SyncClient]:
    """A client of the test's MongoDB."""
    with mongodb_client.connect(batch_settings) as client:
        yield client


@pytest.fixture
def stores(batch_settings: Settings, client: SyncClient) -> Iterator[Stores]:
    """The real stores, empty."""
    database = client[batch_settings.mongodb_database]
    redis = redis_client.connect(batch_settings)
    redis.flushall()
    yield Stores(
        MongoGenerations(database),
        S3BatchStates(s3_objects.connect(batch_settings)),
        RedisSpeedView(redis, batch_settings.speed_idle_expiry_seconds),
        JoinedHistory(Outbox(database), s3_lake.connect(batch_settings)),
        Erasures(database),
        Outbox(database),
    )
    redis.close()


@pytest.fixture
def lease(batch_settings: Settings, client: SyncClient) -> MongoLease:
    """The lease of the batch runs, as an owner who has time."""
    return MongoLease(client[batch_settings.mongodb_database], LEASE_NAME, new_owner(), duration_seconds=300)


@pytest.fixture
def batch_layer(
    request: pytest.FixtureRequest, spark_jars: Path, batch_settings: Settings, client: SyncClient, stores: Stores
) -> BatchLayer:
    """The layer over these stores and the tests' Spark session."""

    def start_spark() -> SparkSession:
        request.getfixturevalue("spark")
        return create_spark_session(batch_settings, "batch_layer")

    return BatchLayer(batch_settings, start_spark, client, stores)
