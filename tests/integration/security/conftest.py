"""Servers that want TLS and a password."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TypeVar

import pytest

from cinematch.cli.store_passwords import LayerPasswords, new_passwords
from cinematch.cli.store_users import APPLY
from cinematch.contracts.privileges import Store
from cinematch.errors import AccessRefused, StoreUnavailable
from cinematch.local_stack.credentials import new_credentials
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.minio_server import MinioPorts
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import KafkaProtocol, Settings
from tests.lake_stage import wait_until
from tests.layer_users import LayerUsers, changed
from tests.secured_servers import USER, Authority, SecuredKafka, SecuredMinio, SecuredMongo

REDIS_PASSWORD = "swordfish-of-redis"
PATIENCE_SECONDS = 300.0
Server = TypeVar("Server", bound=Service)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signed the servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def secured_mongo(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecuredMongo]:
    """A mongod with TLS and users."""
    server = SecuredMongo(toolchain, tmp_path_factory.mktemp("mongodb"), free_port(), authority)
    yield from running(server)


@pytest.fixture(scope="package")
def secured_kafka(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecuredKafka]:
    """A broker with TLS and users."""
    yield from running(SecuredKafka(toolchain, tmp_path_factory.mktemp("kafka"), free_port(), authority))


@pytest.fixture(scope="package")
def secured_minio(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecuredMinio]:
    """A MinIO with TLS."""
    folder = tmp_path_factory.mktemp("minio")
    ports = MinioPorts(free_port(), free_port())
    server = SecuredMinio(toolchain, folder, LogFile(folder / "log"), ports, new_credentials(), "lake")
    yield from running(server.certified(authority, folder / "certificates"))


@pytest.fixture(scope="package")
def guarded_redis(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of one user; anonymous clients may only ask whether it is there."""
    folder = tmp_path_factory.mktemp("redis")
    users = folder / "users.acl"
    users.write_text(f"user default on nopass -@all +ping\nuser {USER} on >{REDIS_PASSWORD} ~* &* +@all\n")
    yield from running(RedisServer(toolchain, folder, LogFile(folder / "log"), free_port(), ["--aclfile", str(users)]))


@pytest.fixture(scope="package")
def layer_users(
    secured_mongo: SecuredMongo,
    guarded_redis: RedisServer,
    secured_kafka: SecuredKafka,
    secured_minio: SecuredMinio,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> LayerUsers:
    """The users of all layers, made on all servers."""
    nobody = Settings(
        mongodb_url=secured_mongo.url_of_nobody,
        mongodb_ca_file=authority.ca_file,
        mongodb_database="of-layers",
        redis_url=guarded_redis.url,
        kafka_bootstrap_servers=secured_kafka.address,
        kafka_security_protocol=KafkaProtocol.SSL,
        kafka_ca_file=authority.ca_file,
        s3_endpoint_url=secured_minio.url,
        s3_ca_file=authority.ca_file,
        lake_bucket="lake",
        checkpoint_dir=tmp_path_factory.mktemp("checkpoints"),
    )
    administrator = changed(
        nobody,
        mongodb_url=secured_mongo.url,
        redis_url=guarded_redis.url.replace("//", f"//{USER}:{REDIS_PASSWORD}@"),
        kafka_security_protocol=KafkaProtocol.SASL_SSL,
        kafka_sasl_username=USER,
        kafka_sasl_password=secured_kafka.password,
        s3_access_key_id=secured_minio.credentials.access_key_id,
        s3_secret_access_key=secured_minio.credentials.secret_access_key,
    )
    passwords = LayerPasswords.model_validate({name.lower(): value for name, value in new_passwords()})
    for store in APPLY:
        wait_until(partial(are_made, store, administrator, passwords), f"the users of {store}", PATIENCE_SECONDS)
    return LayerUsers(nobody, administrator, passwords)


def are_made(store: Store, administrator: Settings, passwords: LayerPasswords) -> bool:
    """Make the users of a store; a server on a busy machine may need longer than a request waits."""
    try:
        APPLY[store](administrator, passwords)
    except AccessRefused:
        raise
    except StoreUnavailable:
        return False
    return True


def running(server: Server) -> Iterator[Server]:
    """Start, give, stop."""
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()
