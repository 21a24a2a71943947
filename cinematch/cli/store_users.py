"""Brings the table of privileges into the stores; the settings are those of the stores' administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.kafka_users import KafkaUsers
from cinematch.adapters.minio_users import MinioUsers
from cinematch.adapters.mongodb_schema import ensure_key_retention, ensure_outbox_retention, ensure_schema
from cinematch.adapters.mongodb_users import MongoUsers
from cinematch.adapters.redis_users import RedisUsers
from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.cli.store_passwords import LayerPasswords
from cinematch.contracts.layer_connection import MECHANISM
from cinematch.contracts.privileges import Store, privileges
from cinematch.settings import Settings


def apply_mongodb(settings: Settings, passwords: LayerPasswords) -> list[str]:
    """Make collections, roles and users; give the users. Raises StoreUnavailable, as the others do."""
    with mongodb_client.connect(settings) as client:
        database = client[settings.mongodb_database]
        ensure_schema(database)
        ensure_outbox_retention(database, settings.outbox_retention_days)
        ensure_key_retention(database, settings.idempotency_keep_seconds)
        users, layers = MongoUsers(client, database.name), [it for it in privileges(settings) if it.mongodb]
        for layer in layers:
            users.put(layer, passwords.of(layer))
    return [layer.user for layer in layers]


def apply_redis(settings: Settings, passwords: LayerPasswords) -> list[str]:
    """Make users, and have the server write them down."""
    client = redis_client.connect(settings)
    try:
        users, layers = RedisUsers(client), [it for it in privileges(settings) if it.redis]
        for layer in layers:
            users.put(layer.user, layer.redis, passwords.of(layer))
        users.save()
    finally:
        client.close()
    return [layer.user for layer in layers]


def apply_kafka(settings: Settings, passwords: LayerPasswords) -> list[str]:
    """Make topics, users and what these may do."""
    topics = {
        settings.events_topic: settings.topic_partitions,
        settings.dead_letter_topic: 1,
        settings.speed_deltas_topic: settings.topic_partitions,
    }
    ensure_topics(settings.kafka, topics, settings.topic_retentions)
    users, layers = KafkaUsers(settings.kafka, MECHANISM), [it for it in privileges(settings) if it.uses_kafka]
    for layer in layers:
        users.put(layer, passwords.of(layer))
    return [layer.user for layer in layers]


def apply_s3(settings: Settings, passwords: LayerPasswords) -> list[str]:
    """Make the bucket, users and policies."""
    key, secret = settings.s3_access_key_id.get_secret_value(), settings.s3_secret_access_key.get_secret_value()
    ensure_bucket(settings.s3_endpoint_url, key, secret, settings.lake_bucket, settings.s3_ca_file, settings.s3_region)
    users, layers = MinioUsers(settings), [it for it in privileges(settings) if it.s3]
    for layer in layers:
        users.put(layer, passwords.of(layer), settings.lake_bucket)
    return [layer.user for layer in layers]


APPLY: Final[dict[Store, Callable[[Settings, LayerPasswords], list[str]]]] = {
    Store.MONGODB: apply_mongodb,
    Store.REDIS: apply_redis,
    Store.KAFKA: apply_kafka,
    Store.S3: apply_s3,
}
