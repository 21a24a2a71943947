"""What operators are told of the lake, and of the dead letters, which they publish again."""

from __future__ import annotations

import os
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from cinematch.contracts.event_codec import encode
from cinematch.settings import Settings, StatsMode
from tests.histories import add
from tests.integration.operator.conftest import Api
from tests.lake_stage import Stage, StartSink, events_of, wait_until
from tests.lakes import store_events

pytestmark = pytest.mark.integration

HOSTILE = "<script>alert(1)</script>\u202e{{7*7}}".encode() + b"\xff\x00"


@pytest.fixture
def stage(all_settings: Settings) -> Stage:
    return Stage(all_settings)


@pytest.fixture
def letters(stage: Stage, start_sink: StartSink, api: Api) -> TestClient:
    """Two records in the box: one that is hostile, and one of a later schema. Their sink goes on."""
    later = encode(add(1, "m1", user_id="ann")).replace(b'"schema_version":1', b'"schema_version":9')
    start_sink(lake_consumer_group=stage.settings.mongodb_database)
    stage.publish([], poison=[HOSTILE, later])
    stage.wait_for(2)
    return api(lake_consumer_group=stage.settings.mongodb_database)


def listed(api: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/operator/dead-letters").json()["letters"]
    return found


class TestLake:
    def test_objects_are_counted_by_day_and_partition(self, api: Api, stage: Stage) -> None:
        for partition, sequence in ((0, 1), (0, 2), (1, 3)):
            store_events(stage.settings, [add(sequence, "m1", user_id=f"user-{partition}")], partition)
        events, dead = api().get("/operator/lake").json()["folders"]
        assert (events["objects"], events["rows"], dead["objects"]) == (3, 3, 0)
        assert events["bytes"] == sum(day["bytes"] for day in events["days"]) > 0
        assert [(it["partition"], it["objects"], it["next_offset"]) for it in events["partitions"]] == [
            (0, 2, 2),
            (1, 1, 1),
        ]

    def test_a_second_look_sees_what_is_new(self, api: Api, stage: Stage) -> None:
        application = api()
        for sequence in (1, 2):
            store_events(stage.settings, [add(sequence, "m1")])
            assert application.get("/operator/lake").json()["folders"][0]["rows"] == sequence

    def test_the_lake_is_behind_by_what_its_objects_lack(self, api: Api, stage: Stage) -> None:
        stage.publish(events_of(["ann", "bob"], 1, 10))
        stored = api().get("/operator/lake").json()["stored"]
        assert stored["lag_events"] == 20
        assert 0 <= stored["lag_seconds"] < 60
        assert stored["usual_seconds"] == 60

    def test_a_sink_at_work_is_counted_and_catches_up(self, api: Api, stage: Stage, start_sink: StartSink) -> None:
        group = stage.settings.mongodb_database
        application = api(lake_consumer_group=group)
        # A broker that never had a group makes the topic of their offsets first.
        wait_until(lambda: application.get("/operator/lake").json()["sinks"] == 0, "no sink")
        start_sink(lake_consumer_group=group)
        stage.publish(events_of(["ann"], 1, 10))
        stage.wait_for(10)
        panel = application.get("/operator/lake").json()
        assert (panel["sinks"], panel["stored"]["lag_events"]) == (1, 0)

    def test_where_no_answer_needs_it_and_there_is_none_it_is_not_used_and_s3_not_missed(self, api: Api) -> None:
        application = api("s3", stats_mode=StatsMode.MICRO_BATCH, lake_consumer_group="nobody")
        lake, letters = (application.get(f"/operator/{name}").json() for name in ("lake", "dead-letters"))
        assert (lake["used"], lake["stored"], lake["folders"], lake["stores"]) == (False, None, None, {"kafka": "ok"})
        assert (letters["used"], letters["letters"], letters["stores"]) == (False, None, {})

    def test_what_has_been_filled_is_used_whatever_answers_need(self, api: Api, stage: Stage) -> None:
        store_events(stage.settings, [add(1, "m1")])
        panel = api(stats_mode=StatsMode.MICRO_BATCH, lake_consumer_group="nobody").get("/operator/lake").json()
        assert (panel["used"], panel["sinks"]) == (True, 0)
        assert panel["stored"] is not None

    def test_without_s3_the_panel_says_so(self, api: Api) -> None:
        panel = api("s3").get("/operator/lake").json()
        assert (panel["stores"]["s3"], panel["folders"], panel["stored"]) == ("failing", None, None)

    def test_a_bucket_that_is_not_there_is_no_defect(self, api: Api) -> None:
        answer = api(lake_bucket="no-such-bucket").get("/operator/lake")
        assert (answer.status_code, answer.json()["stores"]["s3"]) == (200, "failing")

    def test_without_kafka_objects_are_counted_all_the_same(self, api: Api, stage: Stage) -> None:
        store_events(stage.settings, [add(1, "m1")])
        panel = api("kafka").get("/operator/lake").json()
        assert (panel["stores"], panel["folders"][0]["rows"]) == ({"s3": "ok", "kafka": "failing"}, 1)
        assert panel["stored"]["lag_events"] is None


class TestDeadLetters:
    def test_are_listed_without_their_content_and_shown_one_by_one(self, letters: TestClient) -> None:
        panel = letters.get("/operator/dead-letters").json()
        assert (panel["total"], panel["waiting"]) == (2, 2)
        assert {(it["value"], it["redriven_as"]) for it in panel["letters"]} == {(None, None)}
        assert {tuple(it["layers"]) for it in panel["letters"]} == {("data_lake",)}
        whole = [letters.get(f"/operator/dead-letters/{it['id']}").json() for it in panel["letters"]]
        assert HOSTILE.decode(errors="replace") in {it["value"] for it in whole}

    def test_the_newest_come_first_and_the_list_can_be_short(self, letters: TestClient) -> None:
        everything = listed(letters)
        assert everything == sorted(everything, key=lambda it: (it["rejected_at"], it["id"]), reverse=True)
        short = letters.get("/operator/dead-letters", params={"limit": 1}).json()
        assert (short["letters"], short["total"]) == (everything[:1], 2)

    def test_are_published_again_once_however_often_it_is_asked(self, letters: TestClient, stage: Stage) -> None:
        identity = listed(letters)[0]["id"]
        with capture_logs() as lines:
            (first,) = letters.post("/operator/redrive", json={"ids": [identity]}).json()
        assert first["changed"]
        assert [it["event"] for it in lines if it.get("letter") == identity] == [
            "operator acts",
            "operator's action done",
        ]
        (again,) = letters.post("/operator/redrive", json={"ids": [identity]}).json()
        assert again == first | {"changed": False}
        stage.wait_for(3)
        topic = stage.settings.events_topic
        assert next(it for it in listed(letters) if it["id"] == identity)["redriven_as"].startswith(f"{topic}/")
        assert stage.offsets() == 3

    def test_several_are_published_in_one_step_each_once(self, letters: TestClient, stage: Stage) -> None:
        ids = [it["id"] for it in listed(letters)]
        answers = letters.post("/operator/redrive", json={"ids": [*ids, ids[0]]}).json()
        assert [(it["id"], it["changed"]) for it in answers] == [(identity, True) for identity in ids]
        stage.wait_for(4)

    def test_one_that_is_not_there_stops_the_whole_request(self, letters: TestClient) -> None:
        identity = listed(letters)[0]["id"]
        refused = letters.post("/operator/redrive", json={"ids": [identity, "no-such-topic/0/0"]})
        assert refused.status_code == 404
        assert {it["redriven_as"] for it in listed(letters)} == {None}

    @pytest.mark.parametrize("ids", [[], ["../../etc"], ["a/b/c"], ["t/0/1"] * 201, "t/0/1", [{"$gt": ""}]])
    def test_what_is_no_list_of_ids_is_refused(self, api: Api, ids: object) -> None:
        assert api().post("/operator/redrive", json={"ids": ids}).status_code == 422

    def test_another_sites_page_redrives_nothing(self, letters: TestClient) -> None:
        ids = [it["id"] for it in listed(letters)]
        refused = letters.post("/operator/redrive", json={"ids": ids}, headers={"Origin": "http://evil.test"})
        assert refused.status_code == 403
        assert {it["redriven_as"] for it in listed(letters)} == {None}

    def test_one_too_large_to_be_an_event_is_named_and_not_published(
        self, stage: Stage, start_sink: StartSink, api: Api
    ) -> None:
        start_sink(lake_consumer_group=stage.settings.mongodb_database)
        stage.publish([], poison=[os.urandom(200_000)])
        stage.wait_for(1)
        application = api()
        (letter,) = listed(application)
        (answer,) = application.post("/operator/redrive", json={"ids": [letter["id"]]}).json()
        assert (answer["changed"], answer["redriven_as"]) == (False, None)
        assert "too large to be an event" in answer["reason"]
        shown = application.get(f"/operator/dead-letters/{letter['id']}").json()
        assert shown["cut"]
        assert len(shown["value"]) <= 10_000

    @pytest.mark.parametrize("server", ["s3", "kafka"])
    def test_without_a_store_the_panel_says_which(self, api: Api, server: str) -> None:
        panel = api(server).get("/operator/dead-letters").json()
        assert (panel["stores"][server], panel["letters"]) == ("failing", None)
        assert api(server).get("/operator/dead-letters/t/0/1").status_code == 503
