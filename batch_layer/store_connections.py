"""Connects to everything that a batch run or a publication works with: for the commands and the operator's actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from batch_layer.exclusion import LEASE_NAME
from batch_layer.publication import Stores
from cinematch.adapters import mongodb_client, redis_client, s3_lake, s3_objects
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_batch_states import S3BatchStates
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.exclusion import Lease, new_owner
from cinematch.settings import Settings


@contextmanager
def connected_stores(settings: Settings) -> Iterator[tuple[Stores, Lease]]:
    """Give the stores, and the layer's lease under a new owner's name. Most stores are not spoken to before use."""
    client = mongodb_client.connect(settings)
    redis = redis_client.connect(settings)
    database = client[settings.mongodb_database]
    try:
        yield (
            Stores(
                MongoGenerations(database),
                S3BatchStates(s3_objects.connect(settings)),
                RedisSpeedView(redis, settings.speed_idle_expiry_seconds),
                JoinedHistory(Outbox(database), s3_lake.connect(settings)),
                Erasures(database),
                Outbox(database),
            ),
            MongoLease(database, LEASE_NAME, new_owner(), settings.batch_lease_seconds),
        )
    finally:
        redis.close()
        client.close()
