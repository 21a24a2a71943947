"""The table of privileges: whole, without an administrator in it, and what follows from it for who connects."""

from __future__ import annotations

import re

import pytest

from cinematch.contracts import collections
from cinematch.contracts.layer_connection import layer_connection
from cinematch.contracts.privileges import EVERY_COLLECTION, Privileges, RedisGrants, privileges
from cinematch.settings import KafkaProtocol, Settings

TABLE = privileges(Settings())
MONGODB_ACTIONS = {
    "changeStream",
    "collMod",
    "createCollection",
    "createIndex",
    "dropCollection",
    "find",
    "insert",
    "listCollections",
    "listIndexes",
    "remove",
    "update",
}
KAFKA_OPERATIONS = {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}
ADMINISTRATION = {"@all", "@admin", "@dangerous", "acl", "config", "flushall", "flushdb", "debug", "shutdown"}


def test_no_two_layers_share_a_user() -> None:
    users = [it.user for it in TABLE]
    assert len(users) == len(set(users))


def test_nobody_administers() -> None:
    for row in TABLE:
        assert {action for actions in row.mongodb.values() for action in actions} <= MONGODB_ACTIONS
        assert not row.redis.commands & ADMINISTRATION
        assert "*" not in row.redis.keys
        operations = [*row.topics.values(), *row.groups.values()]
        assert {it for allowed in operations for it in allowed} <= KAFKA_OPERATIONS
        assert all(action.endswith(("Object", "Upload", "UploadParts")) for it in row.s3.values() for action in it)


def test_only_whoever_works_with_generations_may_change_every_collection() -> None:
    wide = {it.layer for it in TABLE if it.mongodb.get(EVERY_COLLECTION, set()) & {"insert", "update", "remove"}}
    assert wide == {"api", "scheduler"}
    assert not any("update" in it.mongodb.get(EVERY_COLLECTION, ()) for it in TABLE)


def test_every_collection_has_somebody_who_writes_it() -> None:
    known = {value for name, value in vars(collections).items() if name.isupper()}
    written = {name for it in TABLE for name, actions in it.mongodb.items() if actions - {"find"}}
    assert known <= written
    assert written <= known | {EVERY_COLLECTION}


def test_topics_and_groups_have_the_names_of_the_settings() -> None:
    renamed = Settings(events_topic="films", lake_consumer_group="shelf")
    assert {name for it in privileges(renamed) for name in it.topics} >= {"films"}
    assert {name for it in privileges(renamed) for name in it.groups} >= {"shelf"}


def test_a_layer_connects_as_itself_and_only_to_what_it_uses() -> None:
    servers = Settings(mongodb_url="mongodb://one:27017,two:27017/?replicaSet=rs0", redis_url="rediss://redis:6380/0")
    layer = Privileges("relay", mongodb={"outbox": frozenset({"find"})}, redis=RedisGrants(commands=frozenset({"get"})))
    assert layer_connection(layer, "p:w", servers) == {
        "MONGODB_URL": "mongodb://cinematch-relay:p%3Aw@one:27017,two:27017/?replicaSet=rs0",
        "REDIS_URL": "rediss://cinematch-relay:p%3Aw@redis:6380/0",
    }


@pytest.mark.parametrize(
    ("given", "told"), [("PLAINTEXT", "SASL_PLAINTEXT"), ("SSL", "SASL_SSL"), ("SASL_SSL", "SASL_SSL")]
)
def test_a_user_of_kafka_keeps_the_transport(given: str, told: str) -> None:
    servers = Settings(
        kafka_security_protocol=KafkaProtocol(given), kafka_sasl_username="administrator", kafka_sasl_password="secret"
    )
    layer = Privileges("relay", topics={"films": frozenset({"WRITE"})})
    assert layer_connection(layer, "own", servers) == {
        "KAFKA_SECURITY_PROTOCOL": told,
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "cinematch-relay",
        "KAFKA_SASL_PASSWORD": "own",
    }


def test_an_administrators_name_and_password_are_not_passed_on() -> None:
    servers = Settings(mongodb_url="mongodb://root:top-secret@mongodb:27017/?replicaSet=rs0")
    for layer in TABLE:
        told = layer_connection(layer, "own", servers)
        assert not re.search("root|top-secret", str(told))
