"""Both streams on real Kafka, MongoDB and Spark: what they leave equals a recomputation, whatever happens to them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from cinematch.contracts.dead_letter import CARRIED_BYTES
from cinematch.domain.changes import AddFilm
from cinematch.errors import StreamFailed
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.ports import free_port
from cinematch.settings import Settings
from micro_batch import job
from tests.micro_batch_stage import FILMS, Stage

pytestmark = [pytest.mark.integration, pytest.mark.spark]
POISON = (b"\xff\xfe", b'{"schema_version": 99}', b"[]", None, b'{"schema_version": 1, "user_id": ""}', b"x" * 900_000)


@pytest.fixture
def quick(kafka_server: Any, mongo_server: Any, settings: Settings) -> Settings:
    """The test's settings with short triggers."""
    return settings.model_copy(update={"user_stats_trigger_seconds": 0.2, "global_trends_trigger_seconds": 0.4})


@contextmanager
def running(spark: SparkSession, stage: Stage, settings: Settings) -> Iterator[list[StreamingQuery]]:
    """Run the layer as its process does, inside this one."""
    trends = job.prepare(stage.client, settings)
    with job.running_streams(spark, settings, trends) as streams:
        assert job.wait_running(streams, threading.Event())
        yield streams
        job.check(streams)


def drain(spark: SparkSession, stage: Stage, settings: Settings) -> None:
    """Run the layer until it has processed whatever is in Kafka."""
    with running(spark, stage, settings) as streams:
        for stream in streams:
            stream.processAllAvailable()


def forget_last_commit(settings: Settings) -> None:
    """Let each stream believe that its last micro-batch was never committed."""
    for checkpoint in (settings.checkpoint_dir / "micro_batch").iterdir():
        batches = [int(path.name) for path in (checkpoint / "commits").iterdir() if path.name.isdigit()]
        last = checkpoint / "commits" / str(max(batches))
        last.unlink()
        (last.parent / f".{last.name}.crc").unlink(missing_ok=True)


def test_views_equal_a_recomputation_between_poisoned_records(
    spark: SparkSession, stage: Stage, quick: Settings
) -> None:
    stage.live([f"user-{n}" for n in range(7)], 60, seed=20)
    stage.publish(POISON[:2])
    with running(spark, stage, quick) as streams:
        stage.live([f"user-{n}" for n in range(5, 12)], 120, seed=21)
        events = stage.publish(POISON[2:])
        bad = stage.poison("user-3")
        for stream in streams:
            stream.processAllAvailable()

    stage.assert_stats_equal_a_recomputation()
    stage.assert_trends_equal_a_recount()
    assert stage.trends()["source"] == "streaming_incremental"
    assert len(events) > len(POISON)
    letters = list(stage.letters().values())
    assert {letter.layer for letter in letters} == {"micro_batch"}
    assert {letter.topic for letter in letters} == {quick.events_topic}
    refused = {"layer": "micro_batch", "reason": "message"}
    assert (REGISTRY.get_sample_value("cinematch_dead_letters_total", refused) or 0) >= 4  # by workers, told here
    assert (REGISTRY.get_sample_value("cinematch_stream_rows_total", {"query": "user_stats"}) or 0) >= len(events)
    for record in bad:
        sent = (record.key, (record.value or b"")[:CARRIED_BYTES])
        same = [it for it in letters if (it.key, it.value or b"") == sent and record.reason in it.reason]
        assert same, record.reason
        letters.remove(same[0])
    assert sorted((letter.reason, len(letter.value or b"")) for letter in letters) == [
        ("event_id: Field required", 36),
        ("schema_version must be 1", 22),
        ("the message has 900000 bytes; the limit is 65536", 700_000),
        ("the message is empty", 0),
        ("the message is not JSON in UTF-8", 2),
        ("the message is not a JSON object", 2),
    ]


def test_a_replayed_micro_batch_and_a_lost_checkpoint_change_nothing(
    spark: SparkSession, stage: Stage, quick: Settings
) -> None:
    users = [f"user-{n}" for n in range(6)]
    job.prepare(stage.client, quick)  # before any event, so the stream counts them all
    stage.live(users, 100, seed=22)
    stage.publish()
    drain(spark, stage, quick)
    stage.assert_trends_equal_a_recount()

    forget_last_commit(quick)
    stage.live(users, 50, seed=23)
    stage.publish()
    drain(spark, stage, quick)
    stage.assert_stats_equal_a_recomputation()
    stage.assert_trends_equal_a_recount()

    shutil.rmtree(quick.checkpoint_dir)
    stage.live(users, 50, seed=24)
    stage.publish()
    drain(spark, stage, quick)
    stage.assert_stats_equal_a_recomputation()
    stage.assert_trends_equal_a_recount()


def test_a_broker_that_dies_and_comes_back_is_no_failure(
    spark: SparkSession, stage: Stage, quick: Settings, kafka_server: KafkaServer
) -> None:
    stage.live(["ann", "bob"], 20, seed=25)
    stage.publish()
    with running(spark, stage, quick) as streams:
        for stream in streams:
            stream.processAllAvailable()
        kafka_server.kill()
        stage.live(["ann", "bob"], 20, seed=26)
        kafka_server.start()
        kafka_server.wait_ready()
        stage.publish()
        for stream in streams:
            stream.processAllAvailable()
    stage.assert_stats_equal_a_recomputation()
    stage.assert_trends_equal_a_recount()


def test_a_stream_that_cannot_reach_mongodb_ends_and_is_noticed(
    spark: SparkSession, stage: Stage, quick: Settings, tmp_path: Path
) -> None:
    trends = job.prepare(stage.client, quick)
    astray = quick.model_copy(
        update={
            "mongodb_url": f"mongodb://127.0.0.1:{free_port()}",
            "mongodb_timeout_seconds": 0.3,
            "checkpoint_dir": tmp_path / "astray",
        }
    )
    stage.change("ann", AddFilm(FILMS[0]))
    stage.publish()
    with (
        job.running_streams(spark, astray, trends) as streams,
        job.running_companions(stage.client, quick) as companions,
        pytest.raises(StreamFailed, match=r"(?s)user_stats has ended.*mongodb is unavailable"),
    ):
        job.watch(streams, companions, threading.Event())
    assert stage.database.user_stats.count_documents({}) == 0

    drain(spark, stage, quick.model_copy(update={"checkpoint_dir": tmp_path / "astray"}))
    stage.assert_stats_equal_a_recomputation()
