"""Kafka has lost the event log: what docs/how-to/topic-created-again.md says brings everything back."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.local_stack.data_folder import DataFolder
from tests.end_to_end.running_stack import RunningStack, eventually, issued_sequences
from tests.end_to_end.test_survival import SETTLE_SECONDS, workload
from tests.oracle.exactness import check_exact

pytestmark = pytest.mark.timeout(1_800)


def test_an_event_log_that_was_deleted_comes_back_from_the_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunningStack.started(tmp_path, to_be_hurt=False) as stack:
        stack.import_catalog()
        workload(stack, "before", kill=None, name="user")
        stack.wait_until_everywhere(SETTLE_SECONDS)
        stack.run_alone("batch", "run")
        workload(stack, "between", kill=None, name="user")
        create_topic_again(stack)
        workload(stack, "after", kill=None, name="user")
        refused = stack.begun("lake", "verify")
        assert "the topic was deleted and created again" in refused.communicate()[1]
        assert refused.returncode == 1
    for layer in ("speed_layer", "micro_batch"):
        shutil.rmtree(DataFolder(tmp_path).checkpoints / layer)
    monkeypatch.setenv("EVENTS_TOPIC", "user-movie-events-2")
    with RunningStack.started(tmp_path, to_be_hurt=False) as stack, stack.database() as database, stack.api() as client:
        database.outbox.update_many({}, {"$set": {"published_at": None}})
        issued = issued_sequences(database)
        check_exact(client, database, issued, SETTLE_SECONDS)
        stack.wait_until_everywhere(SETTLE_SECONDS)
        stack.cinematch("lake", "verify", "--deep")
        stack.run_alone("batch", "run")
        published = {user["_id"]: user["as_of_sequence"] for user in database.user_stats_batch.find()}
        assert published == issued
        check_exact(client, database, issued, SETTLE_SECONDS)


def create_topic_again(stack: RunningStack) -> None:
    settings = stack.settings()
    topic, servers = settings.events_topic, settings.kafka_bootstrap_servers
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.delete_topics([topic])
        eventually(lambda: topic not in admin.list_topics(), "the topic is gone", 60)
    ensure_topics(servers, {topic: settings.topic_partitions})
