"""The Java libraries: Spark's connectors and the Kafka broker, from Maven Central, each by the digest in `jars.lock`.

The lock names everything that the artifacts below need; `make lock` writes it anew (`deploy/jar_lock.py`).
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import certifi
import httpx
import stamina

from cinematch.errors import CineMatchError
from cinematch.local_stack.download_cache import DownloadCache
from cinematch.side_by_side import side_by_side

SPARK_VERSION: Final = "4.2.0"
KAFKA_VERSION: Final = "4.2.0"
MONGO_CONNECTOR_VERSION: Final = "10.5.0"
HADOOP_VERSION: Final = "3.5.0"  # the one that Spark 4.2 ships
AWS_SDK_VERSION: Final = "2.35.4"
LOG4J_VERSION: Final = "2.25.3"  # the one that Kafka 4.2 ships

CENTRAL: Final = "https://repo1.maven.org/maven2"
LOCK: Final = Path(__file__).with_name("jars.lock")
SPARK: Final = "spark"
KAFKA: Final = "kafka"
AT_ONCE: Final = 8
ATTEMPTS: Final = 6
FIRST_PAUSE_SECONDS: Final = 1.0
"""Each one is twice as long as the one before, more or less."""
TIMEOUT_SECONDS: Final = 60.0


class Artifact(NamedTuple):
    """A Maven artifact."""

    group: str
    name: str
    version: str

    @property
    def file_name(self) -> str:
        """Name its jar."""
        return f"{self.name}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Say where a Maven repository has its jar."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.file_name}"


class LockedJar(NamedTuple):
    """A jar of which every byte is known: its SHA-256 in hexadecimal."""

    artifact: Artifact
    digest: str


SPARK_ARTIFACTS: Final = (
    Artifact("org.apache.spark", "spark-sql-kafka-0-10_2.13", SPARK_VERSION),
    Artifact("org.mongodb.spark", "mongo-spark-connector_2.13", MONGO_CONNECTOR_VERSION),
    Artifact("org.apache.hadoop", "hadoop-aws", HADOOP_VERSION),
    # In place of the SDK's `bundle` of over 500 MB: the parts that S3A calls.
    Artifact("software.amazon.awssdk", "s3", AWS_SDK_VERSION),
    Artifact("software.amazon.awssdk", "s3-transfer-manager", AWS_SDK_VERSION),
    Artifact("software.amazon.awssdk", "sts", AWS_SDK_VERSION),
    Artifact("software.amazon.awssdk", "apache-client", AWS_SDK_VERSION),
)
KAFKA_ARTIFACTS: Final = (
    Artifact("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    # Without it the broker logs nothing: it brings log4j and slf4j, but not what joins them.
    Artifact("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
)


def locked(title: str) -> list[LockedJar]:
    """Give the jars of `SPARK` or `KAFKA`, in the order of the lock."""
    found = []
    for line in LOCK.read_text().splitlines():
        kind, coordinates, digest = line.split()
        if kind == title:
            found.append(LockedJar(Artifact(*coordinates.split(":")), digest))
    return found


def entry_name(title: str, jars: Sequence[LockedJar]) -> str:
    """The cache entry of a list of jars: another list, or another version in it, is another entry."""
    return f"{title}-jars-{hashlib.sha256(repr(tuple(jars)).encode()).hexdigest()[:12]}"


def spark_jars(cache: DownloadCache) -> Path:
    """The folder of the jars that Spark needs beside its own (Kafka, MongoDB, S3); fetched on first use."""
    return _jars(cache, SPARK)


def kafka_jars(cache: DownloadCache) -> Path:
    """The folder of the Kafka broker's jars; fetched on first use."""
    return _jars(cache, KAFKA)


def are_fetched(cache: DownloadCache) -> bool:
    """Whether both folders are there."""
    return all(cache.has(entry_name(title, locked(title))) for title in (SPARK, KAFKA))


def _jars(cache: DownloadCache, title: str) -> Path:
    jars = locked(title)
    return cache.get(entry_name(title, jars), partial(fetch, jars))


def fetch(jars: Sequence[LockedJar], folder: Path) -> None:
    """Download jars from Maven Central into `folder`, several at a time.

    Raises CineMatchError when one cannot be had, or is not the one that the lock names.
    """
    trusted = ssl.create_default_context()  # the machine's own authorities, and the usual ones where it has none
    trusted.load_verify_locations(certifi.where())
    with httpx.Client(verify=trusted, timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
        for _ in side_by_side(lambda jar: _fetch_one(client, jar, folder), jars, AT_ONCE):
            pass


def _fetch_one(client: httpx.Client, jar: LockedJar, folder: Path) -> None:
    content = _content(client, f"{CENTRAL}/{jar.artifact.path}")
    if hashlib.sha256(content).hexdigest() != jar.digest:
        raise CineMatchError(
            f"{jar.artifact.file_name} from Maven Central is not the file that {LOCK.name} names: "
            "something on the way changes it, a proxy perhaps"
        )
    (folder / jar.artifact.file_name).write_bytes(content)


def _content(client: httpx.Client, url: str) -> bytes:
    try:
        for attempt in stamina.retry_context(
            on=_may_pass, attempts=ATTEMPTS, wait_initial=FIRST_PAUSE_SECONDS, wait_max=30.0, timeout=None
        ):
            with attempt:
                return client.get(url).raise_for_status().content
    except httpx.HTTPError as error:
        raise CineMatchError(
            f"the jars cannot be fetched from Maven Central ({url}: {_told(error)}): "
            "repeat the command when the network is there"
        ) from error
    raise AssertionError("stamina ends with a result or an error")


def _told(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.reason_phrase}"
    return str(error) or type(error).__name__


def _may_pass(error: Exception) -> bool:
    """Say whether another attempt may help: the line broke, or the server is busy."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == httpx.codes.TOO_MANY_REQUESTS or error.response.is_server_error
    return isinstance(error, httpx.TransportError)
