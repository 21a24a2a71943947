"""Real servers for tests: started once per session on free loopback ports, only those that a test asks for."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings as hypothesis_settings
from pymongo import MongoClient
from pyspark.sql import SparkSession

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.errors import AccessRefused, StoreUnavailable
from cinematch.local_stack.credentials import new_credentials
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.minio_server import MinioPorts, MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.local_stack.stack import LEAN_JVM
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Settings, load_settings
from cinematch.spark.session import create_spark_session
from tests.lake_stage import wait_until
from tests.oracle.figures import FIGURES, Figures, lines
from tests.oracle.results import RESULTS, Results, of_schedules, write
from tests.redis_cluster import running_cluster

AnyServer = TypeVar("AnyServer", bound=Service)
PATIENCE_SECONDS = 120.0

# Machines of Java that end after a test, or a session at most, are not worth an optimising compiler: it took half of
# their processor time.
os.environ.setdefault("JDK_JAVA_OPTIONS", LEAN_JVM)

# How long an example takes says nothing on a machine that runs servers and Spark beside the tests.
hypothesis_settings.register_profile("cinematch", deadline=None)
hypothesis_settings.load_profile("cinematch")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--schedules N --seed S`: how many random schedules the oracle tests run, from which seed on (`make chaos`)."""
    parser.addoption("--schedules", type=int, help="random schedules; in memory 20 times as many")
    parser.addoption("--seed", type=int, default=0, help="seed of the first of them")
    parser.addoption("--results", metavar="NAME", help="write what they found to tests/oracle/measured/NAME.json")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what the oracle tests counted, and write it where `--results` says."""
    figures = config.stash.get(FIGURES, {})
    for line in lines(figures):
        terminalreporter.write_line(line)
    if name := config.getoption("--results"):
        failed = len(terminalreporter.stats.get("failed", [])) + len(terminalreporter.stats.get("error", []))
        found = of_schedules(figures, config.stash.get(RESULTS, {}), config.getoption("--seed"), failed)
        terminalreporter.write_line(f"written to {write(name, found)}")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Keep to a test what it sets up of the log: afterwards its standard error is closed, and threads still log."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> range:
    """The seeds of the schedules on servers."""
    return _seeds(request.config, otherwise=10)


@pytest.fixture
def stack_seeds(request: pytest.FixtureRequest) -> range:
    """The seeds of the schedules on the running stack, which take most of a minute each."""
    return _seeds(request.config, otherwise=2)


def _seeds(config: pytest.Config, otherwise: int) -> range:
    first = config.getoption("--seed")
    return range(first, first + (config.getoption("--schedules") or otherwise))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where an oracle test leaves its figures."""
    return request.config.stash.setdefault(FIGURES, {})


@pytest.fixture
def results(request: pytest.FixtureRequest) -> Results:
    """Where a test leaves what it measured."""
    return request.config.stash.setdefault(RESULTS, {})


@pytest.fixture
def is_chaos(request: pytest.FixtureRequest) -> bool:
    """Whether somebody has asked for schedules by number, and so has time."""
    return request.config.getoption("--schedules") is not None


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The programs and jars that `make setup` installed."""
    return Toolchain(load_settings().cinematch_cache_dir)


@pytest.fixture(scope="session")
def spark_jars(toolchain: Toolchain) -> Path:
    """The folder for SPARK_JARS_DIR."""
    return toolchain.spark_jars()


@pytest.fixture(scope="session")
def kafka_server(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka broker without topics. A test may `kill()` and `start()` it, and leaves it ready."""
    folder = tmp_path_factory.mktemp("kafka")
    yield from _running(KafkaServer(toolchain, folder, LogFile(folder / "log"), free_port(), free_port()))


@pytest.fixture(scope="session")
def mongo_server(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A mongod that is primary. A test may `kill()` and `start()` it, and leaves it ready."""
    folder = tmp_path_factory.mktemp("mongodb")
    yield from _running(MongoServer(toolchain, folder, LogFile(folder / "log"), free_port()))


@pytest.fixture(scope="session")
def redis_server(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis with an append-only file. A test may `kill()` and `start()` it, and leaves it ready."""
    folder = tmp_path_factory.mktemp("redis")
    yield from _running(RedisServer(toolchain, folder, LogFile(folder / "log"), free_port()))


@pytest.fixture(scope="session")
def minio_server(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO. A test may `kill()` and `start()` it, and leaves it ready."""
    folder = tmp_path_factory.mktemp("minio")
    ports = MinioPorts(free_port(), free_port())
    yield from _running(MinioServer(toolchain, folder, LogFile(folder / "log"), ports, new_credentials(), "first"))


@pytest.fixture(scope="session")
def spark_settings(spark_jars: Path) -> Settings:
    """The settings of the tests' Spark session."""
    return Settings(spark_jars_dir=spark_jars, spark_ui_port=free_port())


@pytest.fixture
def spark(spark_settings: Settings) -> SparkSession:
    """The one Spark session of this process; a new one when a command under test has stopped the last.

    `create_spark_session` gives it back, with the stores of its settings. It ends with the process.
    """
    return create_spark_session(spark_settings, "tests")


@pytest.fixture(scope="session")
def cluster_settings(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that lead to a Redis Cluster of three masters."""
    with running_cluster(toolchain, tmp_path_factory.mktemp("redis-cluster")) as nodes:
        yield Settings(redis_url=nodes[0].url, redis_cluster=True, redis_timeout_seconds=30.0)


def _running(server: AnyServer) -> Iterator[AnyServer]:
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings whose database, topics, bucket and checkpoints are this test's own.

    They lead to those servers only that the test asks for by their fixtures, itself or through others, and are patient
    with them. Redis is not divided: a test that needs it empty flushes it, or uses users of its own.
    """
    name = f"test-{secrets.token_hex(6)}"
    values: dict[str, Any] = {"checkpoint_dir": tmp_path / "checkpoints", "mongodb_database": name}
    sources: dict[str, Callable[[Any, str], dict[str, Any]]] = {
        "kafka_server": _kafka_settings,
        "mongo_server": lambda mongo, _: {"mongodb_url": mongo.url, "mongodb_timeout_seconds": 15.0},
        "redis_server": lambda redis, _: {"redis_url": redis.url, "redis_timeout_seconds": 30.0},
        "minio_server": _s3_settings,
        "spark_jars": lambda folder, _: {"spark_jars_dir": folder},
    }
    for fixture, source in sources.items():
        if fixture in request.fixturenames:
            values |= source(request.getfixturevalue(fixture), name)
    yield Settings(**values)
    if "mongodb_url" in values:
        with MongoClient[dict[str, Any]](values["mongodb_url"]) as client:
            client.drop_database(name)


def _is_made(make: Callable[[], None]) -> bool:
    """Make something; a server on a busy machine may need longer than a request waits."""
    try:
        make()
    except AccessRefused:
        raise
    except StoreUnavailable:
        return False
    return True


def _kafka_settings(kafka: KafkaServer, name: str) -> dict[str, Any]:
    own = {"events_topic": name, "dead_letter_topic": f"{name}.dead-letter", "speed_deltas_topic": f"{name}.deltas"}
    partitions = dict.fromkeys(own.values(), 4)
    wait_until(partial(_is_made, partial(ensure_topics, kafka.address, partitions)), "the topics", PATIENCE_SECONDS)
    return {"kafka_bootstrap_servers": kafka.address, **own}


def _s3_settings(minio: MinioServer, name: str) -> dict[str, Any]:
    key, secret = minio.credentials.access_key_id, minio.credentials.secret_access_key
    make = partial(ensure_bucket, minio.url, key, secret, name)
    wait_until(partial(_is_made, make), "the bucket", PATIENCE_SECONDS)
    return {
        "s3_endpoint_url": minio.url,
        "s3_access_key_id": key,
        "s3_secret_access_key": secret,
        "lake_bucket": name,
    }
