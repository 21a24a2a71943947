"""Each embedded server keeps its data and its address across kill -9."""

from __future__ import annotations

import socket
from typing import Any

import boto3
import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition
from pymongo import MongoClient

from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.settings import Settings

pytestmark = pytest.mark.integration


def restart_by_force(server: Service) -> None:
    server.kill()
    assert not server.alive
    server.start()
    server.wait_ready()


def test_kafka_keeps_acknowledged_records(kafka_server: KafkaServer, settings: Settings) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    written = producer.send(settings.events_topic, b"kept", partition=1).get(timeout=20)
    producer.close()
    restart_by_force(kafka_server)
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(settings.events_topic, 1)])
    record = next(iter(consumer))
    consumer.close()
    assert (record.value, record.offset) == (b"kept", written.offset)


def test_mongodb_runs_transactions_and_keeps_them(mongo_server: MongoServer, settings: Settings) -> None:
    def write(client: MongoClient[dict[str, Any]]) -> None:
        with client.start_session() as session, session.start_transaction():
            for name in ("first", "second"):
                client[settings.mongodb_database][name].insert_one({"_id": 1}, session=session)

    with MongoClient[dict[str, Any]](settings.mongodb_url) as client:
        write(client)
    restart_by_force(mongo_server)
    with MongoClient[dict[str, Any]](settings.mongodb_url) as client:
        database = client[settings.mongodb_database]
        assert database["first"].find_one() == database["second"].find_one() == {"_id": 1}


def test_redis_keeps_what_its_file_has(redis_server: RedisServer) -> None:
    def command(line: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", redis_server.port)) as connection:
            connection.sendall(line + b"\r\n")
            return connection.recv(64)

    command(b"SET kept 1")
    restart_by_force(redis_server)
    assert command(b"GET kept") == b"$1\r\n1\r\n"


def test_minio_keeps_objects_and_serves_its_console(minio_server: MinioServer, settings: Settings) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key_id.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        region_name=settings.s3_region,
    )
    client.put_object(Bucket=settings.lake_bucket, Key="kept", Body=b"1", IfNoneMatch="*")
    restart_by_force(minio_server)
    assert client.get_object(Bucket=settings.lake_bucket, Key="kept")["Body"].read() == b"1"
    with pytest.raises(client.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=settings.lake_bucket, Key="kept", Body=b"2", IfNoneMatch="*")
    assert "<html" in httpx.get(minio_server.console_url).text


def test_minio_keeps_its_credentials_out_of_its_log(minio_server: MinioServer) -> None:
    assert minio_server.credentials.secret_access_key not in minio_server.log.path.read_text()
