"""TLS and passwords, on real servers: who is right is let in, who is not gets one sentence without a secret."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cinematch.adapters import mongodb_client, redis_client, s3_lake_files, s3_objects
from cinematch.adapters.kafka_connection import NOT_LET_IN, STORE
from cinematch.adapters.kafka_log import RecordPublisher, read_log
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.mongodb_client import translated
from cinematch.adapters.redis_client import translated_errors
from cinematch.adapters.store_access import NO_ENTRY
from cinematch.contracts.log_record import LogPartition
from cinematch.errors import AccessRefused
from cinematch.failures import sentence
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import SaslMechanism, Settings
from cinematch.telemetry import configure_logging, hide_in_logs
from tests.secured_servers import USER, Authority, SecuredKafka, SecuredMinio, SecuredMongo, TlsDoor

WRONG = "wrong-password-of-mine"
REDIS_PASSWORD = "swordfish-of-redis"
pytestmark = pytest.mark.integration


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a process logs when everything is told, the drivers' own lines included."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("DEBUG")
    for name in ("kafka", "kafka.net", "kafka.cluster", "pymongo", "botocore"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    return stream


def refusal(use: Callable[[], Any], log: io.StringIO, settings: Settings) -> str:
    """Give the sentence of a refusal; neither it, nor the error, nor what was logged may have a secret."""
    hide_in_logs(settings.secrets())  # as `load_settings` does
    with pytest.raises(AccessRefused) as refused:
        use()
    said = sentence(refused.value)
    shown = "".join(traceback.format_exception(refused.value))
    everything = "\n".join([said, repr(refused.value), shown, log.getvalue()])
    assert settings.secrets()
    assert [secret for secret in settings.secrets() if secret in everything] == []
    assert said.count("\n") == 0
    return said


class TestMongo:
    @staticmethod
    def settings(server: SecuredMongo, ca_file: Path, password: str) -> Settings:
        return Settings(
            mongodb_url=server.url_of("root", password), mongodb_ca_file=ca_file, mongodb_timeout_seconds=15
        )

    @staticmethod
    def use(settings: Settings) -> Any:
        with mongodb_client.connect(settings) as client, translated():
            return client["cinematch"]["films"].find_one()

    def test_the_right_authority_and_password_are_let_in(
        self, secured_mongo: SecuredMongo, authority: Authority
    ) -> None:
        assert self.use(self.settings(secured_mongo, authority.ca_file, secured_mongo.password)) is None

    def test_another_authority_is_refused(
        self, secured_mongo: SecuredMongo, authority: Authority, told: io.StringIO
    ) -> None:
        wrong = self.settings(secured_mongo, authority.other_ca_file, secured_mongo.password)
        assert refusal(partial(self.use, wrong), told, wrong) == (
            "mongodb: no authority that we trust has signed its certificate; see MONGODB_CA_FILE"
        )

    def test_a_wrong_password_is_refused(
        self, secured_mongo: SecuredMongo, authority: Authority, told: io.StringIO
    ) -> None:
        wrong = self.settings(secured_mongo, authority.ca_file, WRONG)
        assert refusal(partial(self.use, wrong), told, wrong) == (f"mongodb: {NO_ENTRY}; see the user in MONGODB_URL")


@pytest.fixture
def door(guarded_redis: RedisServer, authority: Authority) -> Iterator[TlsDoor]:
    with TlsDoor(authority, guarded_redis.port) as opened:
        yield opened


class TestRedis:
    @staticmethod
    def settings(door: TlsDoor, ca_file: Path, password: str) -> Settings:
        return Settings(redis_url=f"rediss://{USER}:{password}@127.0.0.1:{door.port}/0", redis_ca_file=ca_file)

    @staticmethod
    def use(settings: Settings) -> Any:
        with translated_errors():
            client = redis_client.connect(settings)
            client.set("film", "La dolce vita")
            return client.get("film")

    def test_the_right_authority_and_password_are_let_in(self, door: TlsDoor, authority: Authority) -> None:
        assert self.use(self.settings(door, authority.ca_file, REDIS_PASSWORD)) == b"La dolce vita"

    async def test_the_api_is_let_in_as_well(self, door: TlsDoor, authority: Authority) -> None:
        async with redis_client.connect_async(self.settings(door, authority.ca_file, REDIS_PASSWORD)) as client:
            assert await client.set("film", "Amarcord")

    def test_another_authority_is_refused(self, door: TlsDoor, authority: Authority, told: io.StringIO) -> None:
        wrong = self.settings(door, authority.other_ca_file, REDIS_PASSWORD)
        assert refusal(partial(self.use, wrong), told, wrong) == (
            "redis: no authority that we trust has signed its certificate; see REDIS_CA_FILE"
        )

    def test_a_wrong_password_is_refused(self, door: TlsDoor, authority: Authority, told: io.StringIO) -> None:
        wrong = self.settings(door, authority.ca_file, WRONG)
        assert refusal(partial(self.use, wrong), told, wrong) == (f"redis: {NO_ENTRY}; see the user in REDIS_URL")


class TestKafka:
    @staticmethod
    def settings(server: SecuredKafka, ca_file: Path, password: str, mechanism: str = "SCRAM-SHA-512") -> Settings:
        values: dict[str, Any] = {
            "kafka_bootstrap_servers": server.address,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": mechanism,
            "kafka_sasl_username": USER,
            "kafka_sasl_password": password,
            "kafka_ca_file": ca_file,
        }
        return Settings(**values)

    @pytest.mark.parametrize("mechanism", list(SaslMechanism)[::2])
    def test_the_right_authority_and_password_are_let_in(
        self, secured_kafka: SecuredKafka, authority: Authority, mechanism: SaslMechanism
    ) -> None:
        kafka = self.settings(secured_kafka, authority.ca_file, secured_kafka.password, mechanism).kafka
        topic = f"films-{mechanism.value.lower()}"
        ensure_topics(kafka, {topic: 1})
        publisher = RecordPublisher(kafka)
        assert publisher.publish(topic, b"ann", b"La strada") == f"{topic}/0/0"
        publisher.close()
        assert [record.value for record in read_log(kafka, topic, {LogPartition(topic, 0): 0})] == [b"La strada"]

    def test_another_authority_is_refused(
        self, secured_kafka: SecuredKafka, authority: Authority, told: io.StringIO
    ) -> None:
        wrong = self.settings(secured_kafka, authority.other_ca_file, secured_kafka.password)
        assert refusal(lambda: ensure_topics(wrong.kafka, {}), told, wrong) == (
            "kafka: no authority that we trust has signed its certificate; see KAFKA_CA_FILE"
        )

    def test_a_wrong_password_is_refused(
        self, secured_kafka: SecuredKafka, authority: Authority, told: io.StringIO
    ) -> None:
        wrong = self.settings(secured_kafka, authority.ca_file, WRONG)
        said = refusal(lambda: ensure_topics(wrong.kafka, {}), told, wrong)
        assert said in [f"kafka: {why}; see {STORE.user}" for why in (NO_ENTRY, NOT_LET_IN)]  # as the driver hears it


class TestS3:
    @staticmethod
    def settings(server: SecuredMinio, ca_file: Path, secret: str) -> Settings:
        values: dict[str, Any] = {
            "s3_endpoint_url": server.url,
            "s3_ca_file": ca_file,
            "s3_access_key_id": server.credentials.access_key_id,
            "s3_secret_access_key": secret,
            "lake_bucket": "lake",
        }
        return Settings(**values)

    def test_the_right_authority_and_secret_are_let_in(self, secured_minio: SecuredMinio, authority: Authority) -> None:
        right = self.settings(secured_minio, authority.ca_file, secured_minio.credentials.secret_access_key)
        s3_objects.connect(right).put_new("film.txt", b"Otto e mezzo")
        assert s3_objects.connect(right).get("film.txt") == b"Otto e mezzo"
        with pytest.raises(ValueError, match="arquet"):  # pyarrow has read it, and finds no Parquet
            s3_lake_files.connect(right).account("film.txt")

    @pytest.mark.parametrize("by", ["boto3", "pyarrow"])
    def test_another_authority_is_refused(
        self, secured_minio: SecuredMinio, authority: Authority, told: io.StringIO, by: str
    ) -> None:
        secret = secured_minio.credentials.secret_access_key
        wrong = self.settings(secured_minio, authority.other_ca_file, secret)
        assert refusal(partial(self.use, wrong, by), told, wrong) == (
            "s3: no authority that we trust has signed its certificate; see S3_CA_FILE"
        )

    @pytest.mark.parametrize("by", ["boto3", "pyarrow"])
    def test_a_wrong_secret_is_refused(
        self, secured_minio: SecuredMinio, authority: Authority, told: io.StringIO, by: str
    ) -> None:
        wrong = self.settings(secured_minio, authority.ca_file, WRONG)
        assert refusal(partial(self.use, wrong, by), told, wrong) == (
            f"s3: {NO_ENTRY}; see S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY"
        )

    @staticmethod
    def use(settings: Settings, by: str) -> Any:
        if by == "boto3":
            return s3_objects.connect(settings).sizes("")
        return s3_lake_files.connect(settings).column("film.txt", "title")
