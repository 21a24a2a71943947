"""The commands say what the lake holds, and their exit codes tell whether it is whole."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition
from typer.testing import CliRunner

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.contracts.event_codec import encode
from cinematch.contracts.lake_file import encode_file
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER
from cinematch.contracts.lake_schema import EVENTS_SCHEMA
from cinematch.errors import Conflict
from cinematch.local_stack.ports import free_port
from data_lake.commands import dlq, lake
from data_lake.refusal import HOW_TO
from tests.environments import environment_of
from tests.histories import add
from tests.lake_stage import Stage, StartSink, events_of, wait_until
from tests.lakes import store_events

pytestmark = pytest.mark.integration
USERS = ["ann", "bob", "cid"]


@pytest.fixture
def cli(stage: Stage) -> CliRunner:
    return CliRunner(env=environment_of(stage.settings))


def test_a_sound_lake_is_listed_counted_verified_and_compacted(
    stage: Stage, start_sink: StartSink, cli: CliRunner
) -> None:
    start_sink()
    stage.publish(events_of(USERS, 1, 10))
    stage.wait_for(30)
    stage.publish(events_of(USERS, 11, 20))
    stage.wait_for(60)
    listed = json.loads(cli.invoke(lake, ["ls", "--json"]).stdout)
    assert sum(link["rows"] for link in listed) == 60
    assert json.loads(cli.invoke(lake, ["compact", "--json"]).stdout)["user-events"]["manifest"] == 1
    verified = cli.invoke(lake, ["verify", "--deep", "--json"])
    assert verified.exit_code == 0
    document = json.loads(verified.stdout)
    assert (document["sound"], document["folders"][0]["rows"]) == (True, 60)
    days = json.loads(cli.invoke(lake, ["stats", "--json"]).stdout)
    assert sum(counts["rows"] for counts in days.values()) == 60
    for command in ("ls", "stats", "verify"):
        shown = cli.invoke(lake, [command])
        assert shown.exit_code == 0
        assert "user-events" in shown.stdout


def test_verify_names_a_missing_object_and_a_false_count(stage: Stage, cli: CliRunner) -> None:
    keys = [store_events(stage.settings, [add(number, "m1")]) for number in range(1, 5)]
    folder = stage.folder()
    link = replace(folder.link(keys[3]), rows=2, rejected=-1)
    folder.remove([keys[1], keys[3]])
    folder.append(*encode_file(EVENTS_SCHEMA.empty_table(), link))
    verified = cli.invoke(lake, ["verify"])
    assert verified.exit_code == 1
    assert "gap, no object has the offsets 1 to 1" in verified.stderr
    assert "has 0 rows, but accounts for 2" in verified.stderr


def test_offsets_that_kafka_deleted_are_recorded_as_lost(stage: Stage, start_sink: StartSink, cli: CliRunner) -> None:
    sink = start_sink()
    stage.publish([add(number, "m1", user_id="ann") for number in range(1, 11)])
    stage.wait_for(10)
    (place,) = stage.folder().last_links()
    sink.stop()
    stage.publish([add(number, "m1", user_id="ann") for number in range(11, 21)])
    admin = KafkaAdminClient(bootstrap_servers=stage.settings.kafka_bootstrap_servers)
    admin.delete_records({TopicPartition(place.topic, place.partition): 15})
    admin.close()
    start_sink()
    stage.wait_for(20)
    verified = cli.invoke(lake, ["verify", "--deep"])
    assert verified.exit_code == 1
    assert "Kafka had deleted 5 of its offsets before the sink read them" in verified.stderr
    (partition,) = [it for it in stage.report().partitions if it.next_offset]
    assert (partition.rows, partition.lost, partition.next_offset, partition.faults) == (15, 5, 20, [])


def test_verify_names_the_partitions_of_a_topic_that_was_created_again(
    stage: Stage, start_sink: StartSink, cli: CliRunner
) -> None:
    sink = start_sink()
    stage.publish(events_of(USERS, 1, 5))
    stage.wait_for(15)
    sink.stop()
    assert cli.invoke(lake, ["verify"]).exit_code == 0
    admin = KafkaAdminClient(bootstrap_servers=stage.settings.kafka_bootstrap_servers)
    admin.delete_topics([stage.settings.events_topic])
    wait_until(lambda: stage.settings.events_topic not in admin.list_topics(), "a deleted topic")
    admin.close()
    ensure_topics(stage.settings.kafka_bootstrap_servers, {stage.settings.events_topic: 4})
    stage.publish(events_of(USERS, 6, 50))  # further than the lake: the offsets alone would not tell
    verified = cli.invoke(lake, ["verify"])
    assert verified.exit_code == 1
    for place in stage.folder().last_links():
        assert f"{place}: refused since the topic was deleted and created again" in verified.stderr
    assert HOW_TO in verified.stderr

    renamed = Stage(stage.settings.model_copy(update={"events_topic": f"{stage.settings.events_topic}-2"}))
    start_sink(events_topic=renamed.settings.events_topic)  # the way out: the outbox sends again what it has
    renamed.publish(events_of(USERS, 1, 50))
    stage.wait_for(165)
    assert CliRunner(env=environment_of(renamed.settings)).invoke(lake, ["verify", "--deep"]).exit_code == 0
    assert {(it.user_id, it.sequence) for it in renamed.events()} == {(user, n) for user in USERS for n in range(1, 51)}


def test_without_kafka_verify_says_what_it_could_not_compare(stage: Stage, cli: CliRunner) -> None:
    store_events(stage.settings, [add(1, "m1")])
    servers = f"127.0.0.1:{free_port()}"
    verified = cli.invoke(lake, ["verify"], env={"KAFKA_BOOTSTRAP_SERVERS": servers})
    assert verified.exit_code == 0
    assert "not compared with Kafka" in verified.stderr


def test_a_bad_record_is_listed_shown_and_published_again_once(
    stage: Stage, start_sink: StartSink, cli: CliRunner
) -> None:
    late = add(1, "m1", user_id="ann")
    broken = encode(late).replace(b'"schema_version":1', b'"schema_version":9')
    start_sink()
    stage.publish([], poison=[broken, b"{"])
    stage.wait_for(2)
    records = json.loads(cli.invoke(dlq, ["list", "--json"]).stdout)
    assert [(it["layers"], it["redriven_at"]) for it in records] == [(["data_lake"], None)] * 2
    assert "schema_version must be 1" in cli.invoke(dlq, ["list"]).stdout
    identity = next(it["id"] for it in records if it["value"] == "{")
    assert json.loads(cli.invoke(dlq, ["show", identity]).stdout)["reason"] == "the message is not JSON in UTF-8"
    assert "1 of 1" in cli.invoke(dlq, ["redrive", identity]).stdout
    stage.wait_for(3)
    again = cli.invoke(dlq, ["redrive", identity])
    assert isinstance(again.exception, Conflict)
    stage.wait_for(3, DEAD_LETTERS_FOLDER)  # rejected once more, as another record
    every = cli.invoke(dlq, ["redrive", "--all"])
    assert "2 of 2 records published again" in every.stdout
    stage.wait_for(5)
    after = json.loads(cli.invoke(dlq, ["list", "--json"]).stdout)
    assert next(it for it in after if it["id"] == identity)["redriven_as"].startswith(stage.settings.events_topic)
    assert stage.report().faults == []
