"""Servers that want TLS and a password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import pytest

from cinematch.local_stack.credentials import new_credentials
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.minio_server import MinioPorts
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain
from tests.secured_servers import Authority, SecuredKafka, SecuredMinio, SecuredMongo

Server = TypeVar("Server", bound=Service)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signed the servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secured_mongo(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecuredMongo]:
    """A mongod with TLS and users."""
    server = SecuredMongo(toolchain, tmp_path_factory.mktemp("mongodb"), free_port(), authority)
    yield from running(server)


@pytest.fixture(scope="module")
def secured_kafka(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecuredKafka]:
    """A broker with TLS and users."""
    yield from running(SecuredKafka(toolchain, tmp_path_factory.mktemp("kafka"), free_port(), authority))


@pytest.fixture(scope="module")
def secured_minio(
    toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecuredMinio]:
    """A MinIO with TLS."""
    folder = tmp_path_factory.mktemp("minio")
    ports = MinioPorts(free_port(), free_port())
    server = SecuredMinio(toolchain, folder, LogFile(folder / "log"), ports, new_credentials(), "lake")
    yield from running(server.certified(authority, folder / "certificates"))


@pytest.fixture(scope="module")
def guarded_redis(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of one user; anonymous clients may only ask whether it is there."""
    folder = tmp_path_factory.mktemp("redis")
    users = folder / "users.acl"
    users.write_text("user default on nopass -@all +ping\nuser cinematch on >swordfish-of-redis ~* &* +@all\n")
    yield from running(RedisServer(toolchain, folder, LogFile(folder / "log"), free_port(), ["--aclfile", str(users)]))


def running(server: Server) -> Iterator[Server]:
    """Start, give, stop."""
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()
