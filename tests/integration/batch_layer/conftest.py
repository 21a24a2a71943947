"""The batch layer on a real mongod, MinIO, Redis and Spark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from batch_layer.publication import Stores
from cinematch.adapters import mongodb_client, redis_client, s3_lake, s3_objects
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_batch_states import S3BatchStates
from cinematch.contracts.event_history import JoinedHistory
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from cinematch.spark.session import create_spark_session
from tests.batches import BatchLayer


@pytest.fixture
def batch_layer(
    mongo_server: MongoServer,
    minio_server: MinioServer,
    redis_server: RedisServer,
    spark: SparkSession,
    settings: Settings,
) -> Iterator[BatchLayer]:
    """The layer with empty stores of its own."""
    own = settings.model_copy(update={"batch_grace_seconds": 0.0, "batch_lease_seconds": 2.0})
    client, redis = mongodb_client.connect(own), redis_client.connect(own)
    redis.flushall()
    database = client[own.mongodb_database]
    stores = Stores(
        MongoGenerations(database),
        S3BatchStates(s3_objects.connect(own)),
        RedisSpeedView(redis, own.speed_idle_expiry_seconds),
        JoinedHistory(Outbox(database), s3_lake.connect(own)),
    )
    yield BatchLayer(own, create_spark_session(own, "batch_layer"), client, stores)
    redis.close()
    client.close()
