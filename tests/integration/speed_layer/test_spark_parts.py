"""What runs inside Spark: the screening of real-time mode, and one micro-batch, as often as it takes."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pyspark.sql import DataFrame, SparkSession

from cinematch.contracts.dead_letter import CARRIED_BYTES, CARRIED_KEY_BYTES
from cinematch.contracts.event_codec import decode, encode
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.domain.changes import AddFilm
from cinematch.domain.events import Event
from cinematch.errors import InvalidEvent, StoreUnavailable
from cinematch.local_stack.redis_server import RedisServer
from cinematch.process_memory import keep_what_is_loaded
from cinematch.settings import Settings
from cinematch.spark.kafka_source import RECORD_COLUMNS
from cinematch.tracing import Trace, read_trace
from speed_layer.delta_consumer import arrival
from speed_layer.job import MicroBatch
from speed_layer.transform import deltas
from speed_layer.worker import apply_records
from tests.histories import add, delete, update
from tests.micro_batch_stage import FILMS
from tests.poison import key_of
from tests.speed_stage import SpeedStage

pytestmark = [pytest.mark.integration, pytest.mark.spark]

FIRST = add(1, "a.$b", 7.5, genres=("Sci-Fi", "Drama"))
EVENTS = [
    FIRST,
    update(2, FIRST, None),
    delete(3, FIRST),
    replace(add(1, "m", 0.5, user_id='u"\\ è/{}'), sequence=2**53 - 1),
    add(1, "m", None, user_id="x" * 128, movie_name="Città 🎬 " * 50, watched_at=None, added_at=None),
]
LENIENT = [
    encode(FIRST).replace(b'"schema_version":1', b'"schema_version": 1 ,"unknown": {"deep": [1, {}]}'),
    b" \n" + encode(FIRST) + b"\n ",
    encode(FIRST).replace(b'"rating":7.5', b'"rating":7.50'),
    encode(FIRST).replace(b'"rating":7.5', b'"rating":75e-1'),
    encode(FIRST).replace(b".000Z", b"+02:00"),
]
BAD = [
    None,
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    encode(FIRST) + b"garbage",
    encode(FIRST).replace(b'"schema_version":1', b'"schema_version":2'),
    encode(FIRST).replace(b'"sequence":1', b'"sequence":0'),
    encode(FIRST).replace(b'"sequence":1', b'"sequence":null'),
    encode(FIRST).replace(b'"user_id":"user"', b'"user":"user"'),
    b"x" * 70_000,
    b"x" * (CARRIED_BYTES + 5),
]


def records(
    spark: SparkSession, values: Iterable[bytes | None], key: bytes | None = b"", trace: bytes | None = None
) -> DataFrame:
    """Give the records of one partition of the log, in order; without a key, under that of the user in the value."""
    rows = [
        ("log", 3, offset, key_of(value) if key == b"" else key, value, trace) for offset, value in enumerate(values)
    ]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, 1), RECORD_COLUMNS)


def screened(spark: SparkSession, values: list[bytes | None]) -> list[Any]:
    rows = deltas(records(spark, values)).collect()
    place = LogPartition("deltas", 0)
    return [
        arrival(LogRecord(place, n, None, bytes(row.key), row.value and bytes(row.value), _headers(row)))
        for n, row in enumerate(rows)
    ]


def _headers(row: Any) -> tuple[tuple[str, bytes | None], ...]:
    return tuple((header.key, header.value and bytes(header.value)) for header in row.headers)


def test_the_screening_rejects_nothing_that_the_contract_accepts(spark: SparkSession) -> None:
    values: list[bytes | None] = [*map(encode, EVENTS), *LENIENT]
    accepted = [decode(value) for value in values]
    found = screened(spark, values)
    assert [it.reason for it in found] == [None] * len(values)
    assert [decode(it.record.value) for it in found] == accepted
    assert [(it.record.place, it.record.offset) for it in found] == [
        (LogPartition("log", 3), offset) for offset in range(len(values))
    ]


def test_what_the_screening_passes_is_still_held_against_the_contract(spark: SparkSession) -> None:
    found = screened(spark, BAD)
    for value, it in zip(BAD, found, strict=True):
        with pytest.raises(InvalidEvent):
            decode(value)
        if it.reason is None:
            with pytest.raises(InvalidEvent):
                decode(it.record.value)
    assert sum(it.reason is not None for it in found) >= 10
    assert len(found[-1].record.value) == CARRIED_BYTES


def test_a_delta_fits_into_a_message_however_large_key_and_value_were(spark: SparkSession) -> None:
    (delta,) = deltas(records(spark, [b"x" * 2_000_000], key=b"k" * 2_000_000)).collect()
    assert bytes(delta.key) == b"k" * CARRIED_KEY_BYTES
    assert len(delta.key) + len(delta.value) + sum(len(it.value or b"") for it in delta.headers) < 2**20 - 1_000
    (without_key,) = deltas(records(spark, [b"{"], key=None)).collect()
    assert without_key.key is None


@pytest.mark.parametrize("trace", [None, str(Trace.begun()).encode()], ids=["without", "with"])
def test_a_delta_carries_the_trace_of_its_record(spark: SparkSession, trace: bytes | None) -> None:
    (delta,) = deltas(records(spark, [encode(FIRST)], trace=trace)).collect()
    found = arrival(
        LogRecord(LogPartition("deltas", 0), 0, None, bytes(delta.key), bytes(delta.value), _headers(delta))
    )
    assert found.record.trace == read_trace(trace)


def test_a_worker_keeps_what_it_has_loaded(settings: Settings) -> None:
    keep_what_is_loaded.cache_clear()
    try:
        assert list(apply_records(settings, iter(()))) == []
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        keep_what_is_loaded.cache_clear()


@pytest.fixture
def log_of_two(stage: SpeedStage) -> list[Event]:
    ann, bob = stage.user("ann"), stage.user("bob")
    return [
        event
        for film in FILMS
        for event in (*stage.change(ann, AddFilm(film, 7.5)), *stage.change(bob, AddFilm(film, None)))
    ]


def test_a_repeated_micro_batch_changes_nothing(
    spark: SparkSession, stage: SpeedStage, settings: Settings, kafka_server: Any, log_of_two: list[Event]
) -> None:
    def refused() -> float | None:
        labels = {"layer": "speed_layer", "reason": "message"}
        return REGISTRY.get_sample_value("cinematch_dead_letters_total", labels)

    before, reported = refused() or 0, list[str]()
    batches = MicroBatch(settings, reported.extend, threading.Event())
    values = list(map(encode, log_of_two))
    for part in (values[:9], values[:9], values[4:20], values, values[:1]):
        batches.process_batch(records(spark, [*part, b"{"]), 0)
    assert stage.differences() == []
    assert sorted(reported) == [stage.user("ann"), stage.user("bob")]  # once, when their views were begun
    assert {letter.reason for letter in stage.letters().values()} == {"the message is not JSON in UTF-8"}
    assert (refused() or 0) - before == 5  # by workers, told by this process


def test_gaps_in_a_micro_batch_are_reported(
    spark: SparkSession, stage: SpeedStage, settings: Settings, log_of_two: list[Event]
) -> None:
    reported: list[str] = []
    events = [event for event in log_of_two if event.sequence != 3]
    MicroBatch(settings, reported.extend, threading.Event()).process_batch(records(spark, map(encode, events)), 0)
    assert sorted(reported) == [stage.user("ann"), stage.user("bob")]


def counted() -> dict[str, float]:
    """Give what this process's metrics tell of events that were brought to Redis."""
    told = {
        outcome: REGISTRY.get_sample_value("cinematch_speed_events_total", {"outcome": outcome}) or 0.0
        for outcome in ("applied", "duplicate")
    }
    return told | {"gap": REGISTRY.get_sample_value("cinematch_speed_gaps_total") or 0.0}


def since(before: dict[str, float]) -> dict[str, float]:
    return {name: value - before[name] for name, value in counted().items()}


def test_the_driver_tells_what_its_workers_applied(
    spark: SparkSession, stage: SpeedStage, settings: Settings, log_of_two: list[Event]
) -> None:
    batches = MicroBatch(settings, lambda _: None, threading.Event())
    values, before = list(map(encode, log_of_two)), counted()
    batches.process_batch(records(spark, values[:9]), 0)
    batches.process_batch(records(spark, values), 1)
    assert since(before) == {"applied": len(values), "duplicate": 9, "gap": 0}
    with_gaps = [add(sequence, "m", user_id=stage.user(name)) for name in ("carl", "dora") for sequence in (1, 3, 4)]
    batches.process_batch(records(spark, map(encode, with_gaps)), 2)
    assert since(before) == {"applied": len(values) + 2, "duplicate": 9, "gap": 2}


class StopAtSecond(threading.Event):
    """Says to stop when it is waited for a second time."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return self.waits == 2


def test_what_a_failed_attempt_applied_is_told_and_once(
    spark: SparkSession, stage: SpeedStage, settings: Settings, log_of_two: list[Event]
) -> None:
    """One task applies all it has, up to a gap; the other has a letter to publish, and finds no broker."""
    gap = add(99, "m", user_id=log_of_two[0].user_id)
    batch = records(spark, map(encode, [*log_of_two, gap])).union(records(spark, [b"{"]))
    without_kafka = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    before = counted()
    with pytest.raises(StoreUnavailable):
        MicroBatch(without_kafka, lambda _: None, StopAtSecond()).process_batch(batch, 0)
    assert since(before) == {"applied": len(log_of_two), "duplicate": len(log_of_two), "gap": 1}


def test_a_micro_batch_waits_for_redis_and_is_not_done_before(
    spark: SparkSession, stage: SpeedStage, settings: Settings, redis_server: RedisServer, log_of_two: list[Event]
) -> None:
    redis_server.stop()
    batch = records(spark, map(encode, log_of_two))
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoreUnavailable):
        MicroBatch(settings, lambda _: None, stop).process_batch(batch, 0)
    patient = threading.Thread(
        target=MicroBatch(settings, lambda _: None, threading.Event()).process_batch, args=(batch, 1)
    )
    patient.start()
    patient.join(3)
    assert patient.is_alive()
    redis_server.start()
    redis_server.wait_ready()
    patient.join(60)
    assert not patient.is_alive()
    assert stage.differences() == []
