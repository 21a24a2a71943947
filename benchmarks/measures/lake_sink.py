"""Kafka and MinIO with a backlog of events of 2,000 users. Our side is the sink as in production (`LakeSink`: decode
and validate each record, build the table, write Parquet, conditional PUT, commit), from its first poll to the last
object; each round writes into a bucket of its own. Beside it, in turns: pyarrow.json parsing the same values from
memory and writing them as zstd Parquet to a local file, and the same consumer reading the backlog and doing nothing
with it.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from benchmarks.event_log import Record, additions, publish, records
from benchmarks.population import user_name
from benchmarks.rows import Bound, Findings, Goal, compared
from benchmarks.servers import Servers, servers
from cinematch.adapters import s3_objects
from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_file import COMPRESSION
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.settings import Settings
from data_lake.record_batch import BatchLimits
from data_lake.sink import LakeSink, Shelf
from data_lake.tables import EventsTable

TITLE: Final = "Lake sink"
LIMIT: Final = (
    "One Python process. Of an event's time a third is kafka-python's reading; the rest is decoding and validating it "
    "by the contract, a column of a table for each of its fields, and Parquet. A second sink takes half of the "
    "partitions (see the workers)."
)
TRIED: Final = (
    "An event in the very form in which we write it is read without the general validator, which judges all others (a "
    "test holds the two against each other): 0.43 of the time to decode. Tables are built by column, not from a "
    "dictionary a row: 0.54 of the time. Least processor time over 2,000 events, before and after in turns. Until "
    "November 30, 20:00, kafka-python computed Kafka's checksums in Python, which was much of both sides' time: 9,202 "
    "events a second beside 14,090, and the goal was met. Now they are computed natively, and it is 29,200 beside "
    "87,270 (another hour, in which the machine did more of everything). Before 0.6 of that is reached, an event must "
    "be judged and become a row in 8 microseconds, where it takes 23: in columns, not one by one, as the nightly "
    "batch folds. That would be a second form of the contract's validation, and was not begun."
)
SECONDS: Final = (90.0, 300.0)
USERS: Final = 2_000


def measure(quick: bool) -> Findings:
    """Write the backlog to the lake as often as there are rounds, in turns with both peers."""
    events_each, rounds = (10, 5) if quick else (100, 5)
    log = records(additions([user_name(number) for number in range(USERS)], events_each))
    with servers("kafka", "minio") as running:
        publish(running.settings.kafka_bootstrap_servers, running.settings.events_topic, log)
        ours, parsing, reading = [], [], []
        for number in range(rounds):
            ours.append(len(log) / sink_seconds(lake_settings(running, number), len(log)))
            parsing.append(len(log) / _parse(log, running.folder / "parsed.parquet"))
            reading.append(len(log) / _read(lake_settings(running, number), len(log)))
    slower = [min(pair) for pair in zip(parsing, reading, strict=True)]
    goal = Goal(Bound.AT_LEAST, 0.6)
    return Findings(
        rows=[
            compared("lake sink, beside the slower of its two peers", "events/s", ours, slower, goal),
            compared("lake sink, beside pyarrow.json and a local Parquet file", "events/s", ours, parsing),
            compared("lake sink, beside the consumer reading only", "events/s", ours, reading),
        ]
    )


def lake_settings(running: Servers, number: int) -> Settings:
    """Give the settings of a lake of its own, and create its bucket."""
    own = {"LAKE_BUCKET": f"lake-{number}", "LAKE_CONSUMER_GROUP": f"lake-{number}"}
    settings = running.settings_with(own)
    key, secret = settings.s3_access_key_id.get_secret_value(), settings.s3_secret_access_key.get_secret_value()
    ensure_bucket(settings.s3_endpoint_url, key, secret, settings.lake_bucket)
    return settings


class _CountingConsumer(GroupConsumer):
    """Notes when the first records were asked for, and stops whoever works with it behind the last."""

    def __init__(self, settings: Settings, group: str, expected: int) -> None:
        super().__init__(settings.kafka_bootstrap_servers, group, [settings.events_topic])
        self.stop = threading.Event()
        self.began = 0.0
        self._left = expected

    def poll(self, timeout_seconds: float) -> dict[LogPartition, list[LogRecord]]:
        asked = time.perf_counter()
        polled = super().poll(timeout_seconds)
        if polled:
            self.began = self.began or asked
            self._left -= sum(map(len, polled.values()))
            if self._left <= 0:
                self.stop.set()
        return polled


def sink_seconds(settings: Settings, events: int) -> float:
    """Give the seconds from the first poll to the last object. Raises ValueError when the lake has other rows."""
    consumer = _CountingConsumer(settings, settings.lake_consumer_group, events)
    table = EventsTable()
    folder = LakeFolder(s3_objects.connect(settings), table.folder)
    letters = DeadLetterOffice(settings.kafka_bootstrap_servers, settings.dead_letter_topic)
    limits = BatchLimits(settings.lake_flush_events, settings.lake_flush_bytes, settings.lake_flush_seconds)
    LakeSink(consumer, {settings.events_topic: Shelf(table, folder)}, letters, limits).run(consumer.stop)
    seconds = time.perf_counter() - consumer.began
    rows = sum(link.rows for link in folder.links(folder.view()))
    if rows != events:
        raise ValueError(f"the lake has {rows} rows of {events} events")
    return seconds


def _read(settings: Settings, events: int) -> float:
    consumer = _CountingConsumer(settings, f"{settings.lake_consumer_group}-reading", events)
    while not consumer.stop.is_set():
        for place in consumer.waiting():
            consumer.start(place, 0)
        consumer.poll(0.5)
    seconds = time.perf_counter() - consumer.began
    consumer.close()
    return seconds


def _parse(log: list[Record], path: Path) -> float:
    began = time.perf_counter()
    lines = b"\n".join(value for _, value in log)
    pq.write_table(pyarrow.json.read_json(pa.BufferReader(lines)), path, compression=COMPRESSION)
    return time.perf_counter() - began
