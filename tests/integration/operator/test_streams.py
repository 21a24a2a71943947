"""What operators are told of the streams: the beginning of the pipeline, the micro-batch streams, the speed layer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.collections import SPEED_REPAIRS
from cinematch.contracts.heartbeat import heartbeat_lease
from cinematch.contracts.layers import Layer
from cinematch.contracts.log_record import LogPartition
from cinematch.contracts.speed_delta import ORIGIN_HEADER
from cinematch.settings import Settings, SpeedTrigger, StatsMode
from ingestion.tenure import LEASE_NAME
from tests.integration.operator.conftest import Api
from tests.micro_batch_stage import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def stage(all_settings: Settings, client: SyncClient) -> Stage:
    return Stage(all_settings, client)


def ends(settings: Settings) -> dict[LogPartition, int]:
    watch = LogWatch(settings.kafka_bootstrap_servers)
    try:
        return watch.ends(settings.events_topic)
    finally:
        watch.close()


def write_checkpoint(settings: Settings, folder: Path, reached: dict[LogPartition, int]) -> None:
    """Write what Spark leaves behind a committed batch that ends there."""
    offsets = ",".join(f'"{place.partition}":{offset}' for place, offset in reached.items())
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "0").write_text(f'v1\n{{}}\n{{"{settings.events_topic}":{{{offsets}}}}}')


def leave_beat(client: SyncClient, settings: Settings, layer: Layer, seconds: float) -> None:
    """Leave behind a process's beat that counts for so long."""
    lease = MongoLease(client[settings.mongodb_database], heartbeat_lease(layer), "host/1", seconds)
    assert lease.acquire()


class TestIngestion:
    def test_events_that_no_relay_takes_wait_and_are_counted(self, api: Api, stage: Stage) -> None:
        events = stage.live(["ann", "bob"], 40, seed=1)
        time.sleep(0.3)
        panel = api().get("/operator/ingestion").json()
        assert panel["relay"]["lag_events"] == len(events)
        assert 0.2 < panel["relay"]["lag_seconds"] < 60
        assert panel["outbox"]["per_second"] > 0
        assert panel["relay_process"] is None
        assert panel["log_events"] == 0

    def test_what_is_published_waits_no_more_and_passes_at_a_rate(
        self, api: Api, stage: Stage, client: SyncClient, all_settings: Settings
    ) -> None:
        application = api()
        assert application.get("/operator/ingestion").json()["relay"]["per_second"] is None
        lease = MongoLease(client[all_settings.mongodb_database], LEASE_NAME, "relay-1", 60.0)
        assert lease.acquire()
        stage.live(["ann"], 20, seed=2)
        published = stage.publish()
        panel = application.get("/operator/ingestion").json()
        assert (panel["relay"]["lag_events"], panel["relay"]["lag_seconds"]) == (0, 0.0)
        assert panel["relay"]["per_second"] > 0
        assert (panel["log_events"], panel["relay_process"]) == (len(published), "relay-1")

    def test_a_relay_that_let_its_lease_run_out_is_not_at_work(
        self, api: Api, client: SyncClient, all_settings: Settings
    ) -> None:
        assert MongoLease(client[all_settings.mongodb_database], LEASE_NAME, "relay-1", 0.01).acquire()
        time.sleep(0.1)
        assert api().get("/operator/ingestion").json()["relay_process"] is None

    def test_without_kafka_the_outbox_is_told_all_the_same(self, api: Api, stage: Stage) -> None:
        events = stage.live(["ann"], 10, seed=3)
        panel = api("kafka").get("/operator/ingestion").json()
        assert panel["stores"] == {"mongodb": "ok", "kafka": "failing"}
        assert (panel["relay"]["lag_events"], panel["relay"]["per_second"]) == (len(events), None)
        assert panel["log_events"] is None

    def test_without_mongodb_the_log_is_told_all_the_same(self, api: Api, stage: Stage) -> None:
        stage.live(["ann"], 10, seed=4)
        published = stage.publish()
        panel = api("mongodb").get("/operator/ingestion").json()
        assert panel["stores"] == {"mongodb": "failing", "kafka": "ok"}
        assert (panel["outbox"], panel["relay"]["lag_events"]) == (None, None)
        assert panel["log_events"] == len(published)


class TestMicroBatch:
    def test_a_stream_is_behind_by_what_its_checkpoint_lacks(
        self, api: Api, stage: Stage, all_settings: Settings
    ) -> None:
        folder = all_settings.checkpoint_dir / "micro_batch"
        stage.live(["ann", "bob", "cid"], 30, seed=5)
        first = len(stage.publish())
        write_checkpoint(all_settings, folder / "user_stats", ends(all_settings))
        write_checkpoint(all_settings, folder / "global_trends", dict.fromkeys(ends(all_settings), 0))
        time.sleep(0.3)
        stage.live(["ann", "bob", "cid"], 30, seed=6)
        second = len(stage.publish())
        panel = api(stats_mode=StatsMode.MICRO_BATCH).get("/operator/micro-batch").json()
        assert panel["user_stats"]["lag_events"] == second
        assert panel["global_trends"]["lag_events"] == first + second
        assert panel["global_trends"]["lag_seconds"] > panel["user_stats"]["lag_seconds"]
        assert panel["user_stats"]["usual_seconds"] < panel["global_trends"]["usual_seconds"]

    def test_a_stream_at_the_end_is_not_behind(self, api: Api, stage: Stage, all_settings: Settings) -> None:
        stage.live(["ann"], 5, seed=7)
        stage.publish()
        write_checkpoint(all_settings, all_settings.checkpoint_dir / "micro_batch" / "user_stats", ends(all_settings))
        found = api(stats_mode=StatsMode.MICRO_BATCH).get("/operator/micro-batch").json()["user_stats"]
        assert (found["lag_events"], found["lag_seconds"]) == (0, 0.0)

    def test_a_checkpoint_that_lies_elsewhere_is_an_unknown_lag_and_not_none(self, api: Api) -> None:
        panel = api(stats_mode=StatsMode.MICRO_BATCH).get("/operator/micro-batch").json()
        assert (panel["user_stats"]["lag_events"], panel["stores"]) == (None, {"kafka": "ok", "mongodb": "ok"})

    def test_without_kafka_nothing_is_known(self, api: Api) -> None:
        panel = api("kafka", stats_mode=StatsMode.MICRO_BATCH).get("/operator/micro-batch").json()
        assert panel["stores"] == {"kafka": "failing", "mongodb": "ok"}
        assert (panel["user_stats"], panel["global_trends"]) == (None, None)

    def test_its_process_is_told_of_and_missed_once_it_has_died(
        self, api: Api, client: SyncClient, all_settings: Settings
    ) -> None:
        application = api()
        leave_beat(client, all_settings, Layer.MICRO_BATCH, 60.0)
        process = application.get("/operator/micro-batch").json()["process"]
        assert (process["name"], process["alive"]) == ("host/1", True)
        leave_beat(client, all_settings, Layer.MICRO_BATCH, 0.01)
        time.sleep(0.1)
        panel = application.get("/operator/micro-batch").json()
        assert (panel["used"], panel["process"]["alive"]) == (True, False)

    @pytest.mark.parametrize("mode", StatsMode)
    def test_without_a_process_it_is_missed_only_where_answers_are_made_of_its_view(
        self, api: Api, mode: StatsMode
    ) -> None:
        panel = api(stats_mode=mode).get("/operator/micro-batch").json()
        assert (panel["used"], panel["process"]) == (mode is not StatsMode.LAMBDA, None)
        assert (panel["user_stats"] is None) == (mode is StatsMode.LAMBDA)

    def test_without_mongodb_nobody_knows_whether_it_is_used(self, api: Api) -> None:
        panel = api("mongodb").get("/operator/micro-batch").json()
        assert (panel["used"], panel["process"], panel["stores"]["mongodb"]) == (True, None, "failing")


class TestSpeed:
    def apply_deltas(self, settings: Settings, count: int) -> None:
        """Leave behind what the first `count` deltas of partition 0 leave, applied and committed."""
        producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
        for offset in range(count):
            origin = f"{settings.events_topic}/0/{offset}".encode()
            producer.send(settings.speed_deltas_topic, b"{}", partition=0, headers=[(ORIGIN_HEADER, origin)])
        producer.close()
        consumer = GroupConsumer(
            settings.kafka_bootstrap_servers, settings.speed_consumer_group, [settings.speed_deltas_topic]
        )
        place = LogPartition(settings.speed_deltas_topic, 0)
        deadline = time.monotonic() + 60
        while place not in consumer.assigned():
            assert time.monotonic() < deadline
            consumer.poll(0.2)
        consumer.commit({place: count})
        consumer.close()

    def own(self, settings: Settings) -> dict[str, Any]:
        """Give the test a group of its own."""
        return {"speed_consumer_group": f"{settings.mongodb_database}-speed"}

    def test_what_was_applied_is_told_in_places_of_the_event_log(self, api: Api, all_settings: Settings) -> None:
        settings = all_settings.model_copy(update=self.own(all_settings))
        producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
        for _ in range(10):
            producer.send(settings.events_topic, b"{}", partition=0)
        producer.close()
        self.apply_deltas(settings, 7)
        panel = api(**self.own(all_settings)).get("/operator/speed").json()
        assert panel["applied"]["lag_events"] == 3
        assert 0 <= panel["applied"]["lag_seconds"] < 300
        assert (panel["trigger"], panel["consumers"]) == ("realtime", 0)

    def test_with_the_other_trigger_the_checkpoint_tells(self, api: Api, stage: Stage, all_settings: Settings) -> None:
        stage.live(["ann"], 10, seed=8)
        events = len(stage.publish())
        folder = all_settings.checkpoint_dir / "speed_layer" / "micro_batch"
        write_checkpoint(all_settings, folder, dict.fromkeys(ends(all_settings), 0))
        panel = api(speed_trigger=SpeedTrigger.MICRO_BATCH).get("/operator/speed").json()
        assert (panel["trigger"], panel["applied"]["lag_events"]) == ("micro_batch", events)

    def test_with_the_other_trigger_its_process_is_told_of_and_no_consumers(
        self, api: Api, client: SyncClient, all_settings: Settings
    ) -> None:
        leave_beat(client, all_settings, Layer.SPEED_LAYER, 60.0)
        panel = api(speed_trigger=SpeedTrigger.MICRO_BATCH).get("/operator/speed").json()
        assert (panel["consumers"], panel["process"]["alive"], panel["used"]) == (None, True, True)

    def test_where_no_answer_needs_it_and_none_runs_it_is_not_used_and_redis_not_missed(self, api: Api) -> None:
        panel = api("redis", stats_mode=StatsMode.MICRO_BATCH).get("/operator/speed").json()
        assert (panel["used"], panel["applied"], panel["process"]) == (False, None, None)
        assert panel["stores"] == {"mongodb": "ok", "kafka": "ok"}

    @pytest.mark.parametrize("mode", [StatsMode.INCREMENTAL, StatsMode.LAMBDA])
    def test_where_answers_need_it_it_is_missed(self, api: Api, mode: StatsMode) -> None:
        panel = api("redis", stats_mode=mode).get("/operator/speed").json()
        assert (panel["used"], panel["consumers"], panel["stores"]["redis"]) == (True, 0, "failing")

    def test_repairs_that_wait_and_what_redis_holds_are_counted(
        self, api: Api, client: SyncClient, all_settings: Settings
    ) -> None:
        client[all_settings.mongodb_database][SPEED_REPAIRS].insert_many([{"_id": "ann"}, {"_id": "bob"}])
        panel = api().get("/operator/speed").json()
        assert panel["repairs"] == 2
        assert panel["redis_bytes"] > 100_000
        assert panel["redis_keys"] >= 0

    def test_a_dead_redis_leaves_the_rest_of_the_panel(self, api: Api) -> None:
        panel = api("redis").get("/operator/speed").json()
        assert panel["stores"] == {"kafka": "ok", "mongodb": "ok", "redis": "failing"}
        assert (panel["redis_keys"], panel["repairs"]) == (None, 0)
        assert panel["applied"] is not None
