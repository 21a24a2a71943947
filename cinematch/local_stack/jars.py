"""The Java libraries: Spark's connectors and the Kafka broker, from Maven Central by the Ivy inside pyspark.

Ivy gets settings of its own, with Maven Central only: its default chain looks into `~/.m2` first, which may be
half-filled, and into repositories that may be unreachable.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

from cinematch.errors import CineMatchError
from cinematch.local_stack.download_cache import DownloadCache
from cinematch.local_stack.program_run import run_program

SPARK_VERSION: Final = "4.2.0"
KAFKA_VERSION: Final = "4.2.0"
MONGO_CONNECTOR_VERSION: Final = "10.5.0"
HADOOP_VERSION: Final = "3.5.0"  # the one that Spark 4.2 ships
AWS_SDK_VERSION: Final = "2.35.4"
LOG4J_VERSION: Final = "2.25.3"  # the one that Kafka 4.2 ships

RESOLVE_TIMEOUT_SECONDS: Final = 900


class Artifact(NamedTuple):
    """A Maven artifact."""

    group: str
    name: str
    version: str


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
SPARK_EXCLUSIONS: Final = (
    ("software.amazon.awssdk", "bundle"),
    ("org.apache.hadoop", "hadoop-client-api"),
    ("org.apache.hadoop", "hadoop-client-runtime"),
)
KAFKA_ARTIFACTS: Final = (
    Artifact("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    # Without it the broker logs nothing: it brings log4j and slf4j, but not what joins them.
    Artifact("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
)


def entry_name(title: str, artifacts: Iterable[Artifact]) -> str:
    """The cache entry of a list of artifacts: another list, or another version in it, is another entry."""
    return f"{title}-{hashlib.sha256(repr(tuple(artifacts)).encode()).hexdigest()[:12]}"


SPARK_ENTRY: Final = entry_name(f"spark-jars-{SPARK_VERSION}", SPARK_ARTIFACTS)
KAFKA_ENTRY: Final = entry_name(f"kafka-{KAFKA_VERSION}", KAFKA_ARTIFACTS)

IVY_SETTINGS: Final = """\
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""
IVY_MODULE: Final = Template("""\
<ivy-module version="2.0">
  <info organisation="cinematch" module="jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies defaultconf="default->default">
$dependencies
  </dependencies>
</ivy-module>
""")


def spark_jars(cache: DownloadCache, java: Path) -> Path:
    """The folder of the jars that Spark needs beside its own (Kafka, MongoDB, S3); resolved on first use."""

    def fill(folder: Path) -> None:
        resolve(java, SPARK_ARTIFACTS, folder, SPARK_EXCLUSIONS)
        remove_shadowed(folder, _pyspark_jars())

    return cache.get(SPARK_ENTRY, fill)


def kafka_jars(cache: DownloadCache, java: Path) -> Path:
    """The folder of the Kafka broker's jars; resolved on first use."""
    return cache.get(KAFKA_ENTRY, lambda folder: resolve(java, KAFKA_ARTIFACTS, folder))


def remove_shadowed(folder: Path, shipped: Path) -> None:
    """Delete from `folder` each jar whose artifact, of whatever version, is in `shipped`: Spark's own wins."""
    own = {_artifact_name(jar) for jar in shipped.glob("*.jar")}
    for jar in folder.glob("*.jar"):
        if _artifact_name(jar) in own:
            jar.unlink()


def _artifact_name(jar: Path) -> str:
    return re.split(r"-\d+\.", jar.stem, maxsplit=1)[0]


def resolve(
    java: Path, artifacts: Iterable[Artifact], folder: Path, exclusions: Iterable[tuple[str, str]] = ()
) -> None:
    """Download `artifacts` and all that they need into `folder`.

    Raises CineMatchError: with Ivy's own words when one cannot be had, or when it takes too long.
    """
    workshop = folder.parent  # a temporary folder: Ivy's cache goes when it goes
    (workshop / "settings.xml").write_text(IVY_SETTINGS)
    (workshop / "ivy.xml").write_text(_module(artifacts, exclusions))
    command = [str(java), "-jar", str(_ivy()), "-confs", "default"]
    command += ["-settings", str(workshop / "settings.xml"), "-ivy", str(workshop / "ivy.xml")]
    command += ["-cache", str(workshop / "ivy"), "-retrieve", f"{folder}/[artifact]-[revision].[ext]"]
    too_slow = CineMatchError(
        f"the jars were not fetched from Maven Central in {RESOLVE_TIMEOUT_SECONDS} s: "
        "repeat the command when the network is faster"
    )
    run = run_program(command, RESOLVE_TIMEOUT_SECONDS, too_slow)
    if run.returncode != 0:
        complaints = [line.strip() for line in run.stdout.splitlines() if "not found" in line or "ERROR" in line]
        detail = "; ".join(complaints[:5]) or run.stderr.strip()[-500:] or run.stdout.strip()[-500:]
        raise CineMatchError(f"the jars cannot be fetched from Maven Central: {detail}")


def _module(artifacts: Iterable[Artifact], exclusions: Iterable[tuple[str, str]]) -> str:
    lines = [f'    <dependency org="{a.group}" name="{a.name}" rev="{a.version}"/>' for a in artifacts]
    lines += [f'    <exclude org="{group}" module="{name}"/>' for group, name in exclusions]
    return IVY_MODULE.substitute(dependencies="\n".join(lines))


def _pyspark_jars() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise CineMatchError("pyspark is not installed in this environment: run `make setup`")
    return Path(spec.origin).parent / "jars"


def _ivy() -> Path:
    found = sorted(_pyspark_jars().glob("ivy-*.jar"))
    if not found:
        raise CineMatchError(f"there is no Ivy in {_pyspark_jars()}: is pyspark {SPARK_VERSION} installed?")
    return found[-1]
