"""The sink writes every offset exactly once, whatever dies."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from kafka.admin import KafkaAdminClient

from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.contracts.dead_letter import CARRIED_BYTES
from cinematch.contracts.lake_file import decode_file, encode_file
from cinematch.contracts.lake_manifest import LakeObject, to_metadata
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER
from cinematch.contracts.lake_schema import EVENTS_SCHEMA
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from data_lake.inspection import refusals
from tests.header_names import RawName
from tests.lake_stage import Stage, StartSink, events_of, wait_until

pytestmark = pytest.mark.integration
USERS = [f"user-{number}" for number in range(8)]
ZOMBIE_FLUSH_SECONDS = 20
DYING_SINK = str(Path(__file__).with_name("dying_sink.py"))


def assert_whole(stage: Stage, published: int) -> None:
    report = stage.report()
    assert report.faults == []
    assert sum(it.rows for it in report.partitions) == published
    assert all(it.rows + it.rejected == it.next_offset for it in report.partitions)


def test_what_was_published_is_stored_once_and_bad_records_are_letters(stage: Stage, start_sink: StartSink) -> None:
    events = events_of(USERS, 1, 30)
    bad = stage.poison(USERS[0])
    stage.publish(events)
    sink = start_sink()
    stage.wait_for(len(events) + len(bad))
    stage.wait_for(len(bad), DEAD_LETTERS_FOLDER)
    assert sink.stop() == 0
    assert_whole(stage, len(events))
    assert stage.events() == events
    kept = Counter((record.key, (record.value or b"")[:CARRIED_BYTES]) for record in bad)
    assert Counter((letter.key, letter.value or b"") for letter in stage.letters()) == kept
    assert stage.report(DEAD_LETTERS_FOLDER).faults == []


def test_a_header_whose_name_is_no_text_holds_nobody_up(stage: Stage, start_sink: StartSink) -> None:
    events = events_of(USERS, 1, 2)
    stage.publish(events[:1])
    stage.publish(events[1:2], headers=[(RawName(b"\xff\xfe"), b"forged")])
    stage.publish(events[2:])
    sink = start_sink()
    stage.wait_for(len(events))
    assert sink.stop() == 0
    assert_whole(stage, len(events))
    assert stage.events() == events


def test_a_stopped_sink_flushes_what_it_holds(stage: Stage, start_sink: StartSink) -> None:
    sink = start_sink(lake_flush_seconds=3600)
    sink.wait_ready()
    events = events_of(USERS, 1, 3)
    stage.publish(events)
    wait_until(lambda: "starts a partition" in sink.log.read_text(), "a started partition")
    time.sleep(2)
    assert stage.offsets() == 0
    assert sink.stop() == 0
    assert_whole(stage, len(events))


@pytest.mark.parametrize("moment", ["after_upload", "before_upload"])
def test_a_sink_killed_around_the_upload_is_continued(stage: Stage, start_sink: StartSink, moment: str) -> None:
    events = events_of(USERS, 1, 20)
    stage.publish(events)
    dying = start_sink(DYING_SINK, moment)
    assert dying.process.wait(120) == -signal.SIGKILL
    stage.publish(events_of(USERS, 21, 30))
    # Of the same group: waits until the dead one is missed. Of another: has no committed offset, only the lake.
    group = stage.settings.lake_consumer_group if moment == "after_upload" else "another-group"
    start_sink(lake_consumer_group=group)
    stage.wait_for(len(USERS) * 30)
    assert_whole(stage, len(USERS) * 30)
    assert stage.events() == events_of(USERS, 1, 30)


def test_a_lake_that_was_emptied_is_filled_again_from_the_log(stage: Stage, start_sink: StartSink) -> None:
    events = events_of(USERS, 1, 20)
    stage.publish(events)
    sink = start_sink()
    stage.wait_for(len(events))
    assert sink.stop() == 0  # and it has committed in Kafka how far it was
    stage.folder().remove(stage.folder().sizes())
    assert stage.events() == []
    start_sink()
    stage.wait_for(len(events))
    assert_whole(stage, len(events))
    assert stage.events() == events


def test_two_sinks_on_the_same_partitions_write_each_offset_once(stage: Stage, start_sink: StartSink) -> None:
    sinks = [start_sink(lake_consumer_group=f"group-{size}", lake_flush_events=size) for size in (5, 7)]
    for sink in sinks:
        sink.wait_ready()
    for first in range(1, 60, 10):
        stage.publish(events_of(USERS, first, first + 9))
        time.sleep(0.2)
    stage.wait_for(len(USERS) * 60)
    assert_whole(stage, len(USERS) * 60)
    assert any("another writer was first" in sink.log.read_text() for sink in sinks)


def test_a_zombie_that_wakes_up_is_fenced(stage: Stage, start_sink: StartSink) -> None:
    zombie = start_sink(lake_consumer_group="zombie", lake_flush_seconds=ZOMBIE_FLUSH_SECONDS)
    zombie.wait_ready()
    wait_until(lambda: zombie.log.read_text().count("starts a partition") >= 4, "started partitions")
    stage.publish(events_of(USERS, 1, 5))
    time.sleep(1.2)  # it has polled them, and will not flush for a while
    zombie.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    assert stage.offsets() == 0
    stage.publish(events_of(USERS, 6, 10))
    start_sink()
    stage.wait_for(len(USERS) * 10)
    time.sleep(max(0, stopped + ZOMBIE_FLUSH_SECONDS - time.monotonic()))  # now it is due as soon as it wakes up
    zombie.signal(signal.SIGCONT)
    wait_until(lambda: "another writer was first" in zombie.log.read_text(), "a fenced zombie")
    stage.publish(events_of(USERS, 11, 20))
    stage.wait_for(len(USERS) * 20)
    assert_whole(stage, len(USERS) * 20)


def test_a_rebalance_in_the_middle_loses_and_doubles_nothing(stage: Stage, start_sink: StartSink) -> None:
    first = start_sink()
    first.wait_ready()
    for round_number in range(2):
        stage.publish(events_of(USERS, round_number * 20 + 1, round_number * 20 + 20))
        start_sink().wait_ready()
    first.signal(signal.SIGTERM)
    stage.publish(events_of(USERS, 41, 60))
    stage.wait_for(len(USERS) * 60)
    assert_whole(stage, len(USERS) * 60)


def test_a_broker_restart_is_waited_out(stage: Stage, start_sink: StartSink, kafka_server: KafkaServer) -> None:
    sink = start_sink()
    stage.publish(events_of(USERS, 1, 20))
    stage.wait_for(1)
    kafka_server.kill()
    time.sleep(1)
    kafka_server.start()
    kafka_server.wait_ready()
    stage.publish(events_of(USERS, 21, 40))
    stage.wait_for(len(USERS) * 40)
    assert_whole(stage, len(USERS) * 40)
    assert sink.process.poll() is None


def test_an_object_store_that_is_away_is_waited_for(
    stage: Stage, start_sink: StartSink, minio_server: MinioServer
) -> None:
    sink = start_sink()
    stage.publish(events_of(USERS, 1, 20))
    stage.wait_for(1)
    minio_server.kill()
    stage.publish(events_of(USERS, 21, 40))
    wait_until(lambda: "the lake sink waits" in sink.log.read_text(), "a waiting sink")
    minio_server.start()
    minio_server.wait_ready()
    stage.wait_for(len(USERS) * 40)
    assert_whole(stage, len(USERS) * 40)
    assert sink.process.poll() is None


def test_a_topic_that_was_created_again_is_refused(stage: Stage, start_sink: StartSink) -> None:
    topic = stage.settings.events_topic
    first = start_sink()
    stage.publish(events_of(USERS, 1, 5))
    stage.wait_for(len(USERS) * 5)
    first.stop()
    admin = KafkaAdminClient(bootstrap_servers=stage.settings.kafka_bootstrap_servers)
    admin.delete_topics([topic])
    wait_until(lambda: topic not in admin.list_topics(), "a deleted topic")
    admin.close()
    ensure_topics(stage.settings.kafka_bootstrap_servers, {topic: 4})
    stage.publish(events_of(USERS, 1, 50))
    second = start_sink()
    wait_until(lambda: second.log.read_text().count("created again") >= 4, "refused partitions")
    assert_whole(stage, len(USERS) * 5)
    assert second.process.poll() is None


def test_a_log_that_lost_its_end_and_grew_again_is_refused_and_named(stage: Stage, start_sink: StartSink) -> None:
    """As if the lake had another event at its end than the log has there; the other partitions go on."""
    first = start_sink()
    stage.publish(events_of(USERS, 1, 5))
    stage.wait_for(len(USERS) * 5)
    first.stop()
    place, last = next(iter(stage.folder().last_links().items()))
    remembers_another_event(stage, last)
    stage.publish(events_of(USERS, 6, 10))
    second = start_sink()
    stage.wait_for(len(USERS) * 10 - last.next_offset)  # the partition has twice as many by now
    wait_until(lambda: "has other records in its place" in second.log.read_text(), "a refused partition")
    assert stage.folder().last_links()[place].next_offset == last.next_offset
    watch = LogWatch(stage.settings.kafka)
    (reason,) = refusals(stage.report(), stage.settings.events_topic, watch, stage.settings.kafka)
    watch.close()
    assert reason.startswith(f"{place}: refused since Kafka has lost its end")
    assert second.process.poll() is None


def remembers_another_event(stage: Stage, link: LakeObject) -> None:
    """Let the object's last row be of an event that the log does not have."""
    objects = stage.folder().objects
    rows = decode_file(objects.get(link.key)).to_pylist()
    max(rows, key=lambda row: row["kafka_offset"])["sequence"] += 100
    _, body = encode_file(pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA), link)
    objects.delete([link.key])
    objects.put_new(link.key, body, to_metadata(link))
