"""Spark's sources and sinks over TLS with passwords, inside the driver and on executors.

Each session in a process of its own: a JVM reads its trust store once, and this test process has a session already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.local_stack.ports import free_port
from cinematch.settings import SaslMechanism
from tests.secured_servers import USER, Authority, SecuredKafka, SecuredMinio, SecuredMongo
from tests.spark_cluster import spark_cluster

PROGRAM = """
import json, sys
from pyspark.sql.types import StringType, StructField, StructType
from cinematch.adapters import mongodb_client
from cinematch.settings import load_settings
from cinematch.spark.kafka_options import kafka_options
from cinematch.spark.mongo_source import read_collection
from cinematch.spark.session import create_spark_session

settings = load_settings()
topic, catalog = sys.argv[1:]
mongodb_client.connect(settings)["cinematch"][catalog].insert_one({"_id": "m1", "title": "Amarcord"})
spark = create_spark_session(settings, "tests")
kafka = kafka_options(settings.kafka)
spark.createDataFrame([("ann", "La strada")], "key string, value string").write.format("kafka").options(
    **kafka, topic=topic).save()
records = spark.read.format("kafka").options(**kafka, subscribe=topic).load()
films = read_collection(spark, settings, catalog, StructType([StructField("title", StringType())]))
path = f"s3a://{settings.lake_bucket}/{topic}"
films.write.parquet(path)
records.explain("formatted")
print(json.dumps({
    "kafka": [row.value.decode() for row in records.collect()],
    "mongodb": [row.title for row in films.collect()],
    "s3": [row.title for row in spark.read.parquet(path).collect()],
}))
"""


@pytest.fixture(params=["local", "cluster"])
def master_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where Spark works: in the driver, or on workers that know of our settings only what the driver sends them."""
    if request.param == "local":
        yield "local[1]"
        return
    with spark_cluster(tmp_path) as cluster:
        yield cluster.master_url


@pytest.mark.integration
@pytest.mark.spark
def test_spark_reaches_kafka_mongodb_and_s3(
    secured_kafka: SecuredKafka,
    secured_mongo: SecuredMongo,
    secured_minio: SecuredMinio,
    authority: Authority,
    spark_jars: Path,
    master_url: str,
) -> None:
    names = {name: f"{name}-{master_url.partition('[')[0].partition(':')[0]}" for name in ("films", "catalog")}
    ensure_topics(secured_kafka.access(SaslMechanism.SCRAM_SHA_512), {names["films"]: 1})
    secrets = {
        "KAFKA_SASL_PASSWORD": secured_kafka.password,
        "S3_SECRET_ACCESS_KEY": secured_minio.credentials.secret_access_key,
    }
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": secured_kafka.address,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": USER,
        "KAFKA_CA_FILE": str(authority.ca_file),
        "MONGODB_URL": secured_mongo.url,
        "MONGODB_CA_FILE": str(authority.ca_file),
        "S3_ENDPOINT_URL": secured_minio.url,
        "S3_CA_FILE": str(authority.ca_file),
        "S3_ACCESS_KEY_ID": secured_minio.credentials.access_key_id,
        "LAKE_BUCKET": "lake",
        "SPARK_JARS_DIR": str(spark_jars),
        "SPARK_EXECUTOR_MEMORY": "512m",
        "SPARK_MASTER_URL": master_url,
        "SPARK_UI_PORT": str(free_port()),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, names["films"], names["catalog"]],
        env=os.environ | environment | secrets,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "kafka": ["La strada"],
        "mongodb": ["Amarcord"],
        "s3": ["Amarcord"],
    }
    shown = ended.stdout + ended.stderr
    assert [
        name for name, secret in {**secrets, "MONGODB_URL": secured_mongo.password}.items() if secret in shown
    ] == []
