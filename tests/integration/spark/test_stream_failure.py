"""A stream whose events Kafka has deleted, or whose topic was created again, ends with advice that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.contracts.log_record import LogPartition
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.settings import Settings
from cinematch.spark.checkpoint import committed_offsets
from cinematch.spark.kafka_source import kafka_records
from cinematch.spark.stream_failure import stream_failed
from speed_layer.job import start_realtime
from tests.speed_stage import reached

pytestmark = [pytest.mark.integration, pytest.mark.spark]
PATIENCE_SECONDS = 300
ADVICE = "delete CHECKPOINT_DIR/layer/stream and start the layer; its views are rebuilt from the lists"


def read_all(spark: SparkSession, settings: Settings, checkpoint: Path) -> int:
    """Read what is there, from where the checkpoint says; give the number of records."""
    counts: list[int] = []
    query = (
        kafka_records(spark, settings)
        .writeStream.foreachBatch(lambda batch, _: counts.append(batch.count()))
        .option("checkpointLocation", str(checkpoint))
        .trigger(availableNow=True)
        .start()
    )
    assert query.awaitTermination(PATIENCE_SECONDS)
    return sum(counts)


def publish(settings: Settings, number: int) -> None:
    with KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        for _ in range(number):
            producer.send(settings.events_topic, value=b"{}", partition=0)


@pytest.fixture
def admin(kafka_server: KafkaServer, settings: Settings) -> KafkaAdminClient:
    ensure_topics(settings.kafka_bootstrap_servers, {settings.events_topic: settings.topic_partitions})
    return KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)


@pytest.mark.parametrize("fault", ["deleted", "created again"])
def test_events_that_kafka_no_longer_has_are_answered_with_what_to_do(
    fault: str, spark: SparkSession, settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    publish(settings, 10)
    assert read_all(spark, settings, tmp_path / "checkpoint") == 10
    if fault == "deleted":
        publish(settings, 10)
        admin.delete_records({TopicPartition(settings.events_topic, 0): 15})
    else:
        admin.delete_topics([settings.events_topic])
        while settings.events_topic in admin.list_topics():
            pass
        ensure_topics(settings.kafka_bootstrap_servers, {settings.events_topic: settings.topic_partitions})
        publish(settings, 5)
    admin.close()

    with pytest.raises(StreamingQueryException) as failed:
        read_all(spark, settings, tmp_path / "checkpoint")
    assert ADVICE in str(stream_failed("stream", failed.value, "layer/stream", "the lists"))

    assert read_all(spark, settings, tmp_path / "another checkpoint") == 5  # the advice helps


def test_real_time_mode_says_the_same_of_events_that_kafka_no_longer_has(
    spark: SparkSession, settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    """Of one partition, for each holds one of the session's slots."""
    topics = {"events_topic": f"{settings.events_topic}.one", "speed_deltas_topic": settings.speed_deltas_topic}
    own = settings.model_copy(update={**topics, "checkpoint_dir": tmp_path, "speed_checkpoint_seconds": 5.0})
    ensure_topics(settings.kafka_bootstrap_servers, {own.events_topic: 1, own.speed_deltas_topic: 1})
    publish(own, 10)
    stream, checkpoint = start_realtime(spark, own), tmp_path / "speed_layer" / "realtime"
    reached(
        lambda: (committed_offsets(checkpoint) or {}).get(LogPartition(own.events_topic, 0)) == 10, PATIENCE_SECONDS
    )
    stream.stop()
    publish(own, 10)
    admin.delete_records({TopicPartition(own.events_topic, 0): 15})
    admin.close()

    stream = start_realtime(spark, own)
    reached(lambda: not stream.isActive, PATIENCE_SECONDS)
    told = str(stream_failed("realtime", stream.exception(), "layer/stream", "the lists"))
    assert ADVICE in told, told

    place = LogPartition(own.events_topic, 0)
    anew = start_realtime(spark, own.model_copy(update={"checkpoint_dir": tmp_path / "another"}))
    another = tmp_path / "another" / "speed_layer" / "realtime"
    reached(lambda: (committed_offsets(another) or {}).get(place) == 20, PATIENCE_SECONDS)
    assert anew.isActive  # the advice helps
    anew.stop()


def test_any_other_failure_is_told_as_it_is() -> None:
    told = str(stream_failed("stream", RuntimeError("mongodb is unavailable"), "layer/stream", "the lists"))
    assert told == "the stream stream has ended: mongodb is unavailable"
    assert str(stream_failed("stream", None, "", "")) == "the stream stream has ended: it was stopped"
