"""What operators are told of the generations, and how they publish one or go back to one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from batch_layer.operator_routes import SHOWN
from batch_layer.publication import Stores, publish
from batch_layer.store_connections import connected_stores
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.batch_status import BATCH_LEASE
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.event_codec import to_document
from cinematch.contracts.generations import GenerationState
from cinematch.contracts.heartbeat import heartbeat_lease
from cinematch.contracts.layers import Layer
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from cinematch.settings import Settings, StatsMode
from tests.histories import add
from tests.integration.operator.conftest import Api
from tests.strategies import EPOCH

pytestmark = pytest.mark.integration

EVENTS = [add(number, f"m{number}", 7, "ann") for number in (1, 2, 3)]


@pytest.fixture
def stores(all_settings: Settings, client: SyncClient) -> Iterator[Stores]:
    """Two generations, the second one published: ann's first event, then her second; her third is in Redis."""
    outbox = client[all_settings.mongodb_database][OUTBOX]
    outbox.insert_many([{"_id": event.event_id, **to_document(event)} for event in EVENTS])
    with connected_stores(all_settings) as (stores, _):
        stores.speed_view.replace("ann", 0, [])
        for reach in (1, 2):
            number = stores.generations.create("host/1/x", EPOCH, None, None).number
            stores.generations.write(
                number, [batch_document("ann", summarise(replay(EVENTS[:reach]), {}), number, EPOCH)], []
            )
            stores.generations.update(number, state=GenerationState.READY, users=1, events=1, seconds=2.5)
            publish(stores, number, lambda: None)
        stores.speed_view.replace("ann", 2, EVENTS[2:])
        yield stores
        stores.speed_view.replace("ann", 0, [])


@pytest.fixture
def operator(api: Api, stores: Stores) -> TestClient:
    return api()


def published(stores: Stores) -> int | None:
    generation = stores.generations.published()
    return generation.number if generation else None


def ask(operator: TestClient, generation: int, replaces: int | None) -> tuple[int, dict[str, object]]:
    answer = operator.post("/operator/published-generation", json={"generation": generation, "replaces": replaces})
    return answer.status_code, answer.json()


def test_generations_are_told_newest_first(operator: TestClient) -> None:
    panel = operator.get("/operator/generations").json()
    rows = panel["generations"]
    assert [(row["number"], row["state"], row["users"], row["seconds"]) for row in rows] == [
        (2, "published", 1, 2.5),
        (1, "ready", 1, 2.5),
    ]
    assert (panel["published"], panel["runner"], panel["used"]) == (2, None, True)


def test_a_run_at_work_is_named_by_its_lease(operator: TestClient, client: SyncClient, all_settings: Settings) -> None:
    assert MongoLease(client[all_settings.mongodb_database], BATCH_LEASE, "host/9/y", 60.0).acquire()
    assert operator.get("/operator/generations").json()["runner"] == "host/9/y"


def test_the_scheduler_is_told_of_by_its_heartbeat(
    operator: TestClient, client: SyncClient, all_settings: Settings
) -> None:
    assert operator.get("/operator/scheduler").json()["process"] is None
    lease = heartbeat_lease(Layer.BATCH_LAYER)
    assert MongoLease(client[all_settings.mongodb_database], lease, "host/1", 60.0).acquire()
    process = operator.get("/operator/scheduler").json()["process"]
    assert (process["name"], process["alive"]) == ("host/1", True)


def test_a_batch_that_no_answer_needs_and_that_never_ran_is_not_used(api: Api) -> None:
    application = api(stats_mode=StatsMode.MICRO_BATCH)
    assert application.get("/operator/generations").json()["used"] is False
    assert api().get("/operator/generations").json()["used"] is True


def test_a_run_is_being_computed_only_while_it_holds_the_lease(
    operator: TestClient, stores: Stores, client: SyncClient, all_settings: Settings
) -> None:
    lease = MongoLease(client[all_settings.mongodb_database], BATCH_LEASE, "host/9/y", 60.0)
    stores.generations.create(lease.owner, EPOCH, 2, None)

    def newest() -> str:
        state: str = operator.get("/operator/generations").json()["generations"][0]["state"]
        return state

    assert lease.acquire()
    assert newest() == "building"
    lease.release()
    assert newest() == "abandoned"


def test_what_is_published_is_told_however_many_runs_failed_since(operator: TestClient, stores: Stores) -> None:
    for _ in range(SHOWN):
        number = stores.generations.create("host/1/x", EPOCH, None, None).number
        stores.generations.update(number, state=GenerationState.FAILED, reason="no memory")
    panel = operator.get("/operator/generations").json()
    assert (len(panel["generations"]), panel["published"]) == (SHOWN, 2)


def test_going_back_gives_the_speed_view_the_difference_first(operator: TestClient, stores: Stores) -> None:
    with capture_logs() as lines:
        assert ask(operator, 1, 2) == (200, {"generation": 1, "changed": True})
    assert published(stores) == 1
    snapshot = stores.speed_view.read("ann")
    assert snapshot is not None
    assert (snapshot.base_sequence, list(snapshot.tail)) == (1, EVENTS[1:])
    audit = [it for it in lines if it.get("action") == "publish generation"]
    assert [(it["event"], it["generation"], it["replaces"]) for it in audit] == [
        ("operator acts", 1, 2),
        ("operator's action done", 1, 2),
    ]
    assert operator.get("/operator/generations").json()["published"] == 1


def test_asking_again_changes_nothing(operator: TestClient, stores: Stores) -> None:
    assert ask(operator, 1, 2) == (200, {"generation": 1, "changed": True})
    assert ask(operator, 1, 2) == (200, {"generation": 1, "changed": False})
    assert published(stores) == 1


def test_going_forward_again_is_the_same_action(operator: TestClient, stores: Stores) -> None:
    ask(operator, 1, 2)
    assert ask(operator, 2, 1) == (200, {"generation": 2, "changed": True})
    snapshot = stores.speed_view.read("ann")
    assert snapshot is not None
    assert (snapshot.base_sequence, list(snapshot.tail)) == (2, EVENTS[2:])


@pytest.mark.parametrize("replaces", [None, 3])
def test_a_picture_that_is_no_longer_true_is_refused(
    operator: TestClient, stores: Stores, replaces: int | None
) -> None:
    with capture_logs() as lines:
        status, problem = ask(operator, 1, replaces)
    assert (status, published(stores)) == (409, 2)
    assert "generation 2 is published by now" in str(problem["detail"])
    assert "operator's action refused" in {it["event"] for it in lines}


def test_nothing_is_published_beside_a_run_at_work(
    operator: TestClient, stores: Stores, client: SyncClient, all_settings: Settings
) -> None:
    assert MongoLease(client[all_settings.mongodb_database], BATCH_LEASE, "host/9/y", 60.0).acquire()
    assert (ask(operator, 1, 2)[0], published(stores)) == (409, 2)


def test_a_generation_that_is_not_complete_is_refused(operator: TestClient, stores: Stores) -> None:
    number = stores.generations.create("host/1/x", EPOCH, None, None).number
    assert (ask(operator, number, 2)[0], published(stores)) == (409, 2)


def test_an_unknown_generation_is_not_found(operator: TestClient) -> None:
    assert ask(operator, 9, 2)[0] == 404


def test_without_redis_nothing_is_published_and_the_page_learns_why(api: Api, stores: Stores) -> None:
    status, problem = ask(api("redis"), 1, 2)
    assert (status, published(stores)) == (503, 2)
    assert "redis" in str(problem["detail"])


def test_without_mongodb_the_panel_says_so(api: Api) -> None:
    panel = api("mongodb").get("/operator/generations").json()
    assert (panel["stores"], panel["generations"], panel["published"]) == ({"mongodb": "failing"}, None, None)


@pytest.mark.parametrize("body", [{}, {"generation": "1"}, {"generation": 0}, {"generation": 1, "more": 1}, [], 1])
def test_what_names_no_generation_is_refused(operator: TestClient, body: object) -> None:
    assert operator.post("/operator/published-generation", json=body).status_code == 422


def test_another_sites_page_publishes_nothing(operator: TestClient, stores: Stores) -> None:
    wanted = {"generation": 1, "replaces": 2}
    for headers in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert operator.post("/operator/published-generation", json=wanted, headers=headers).status_code == 403
    assert operator.post("/operator/published-generation", data={"generation": "1"}).status_code == 415
    assert published(stores) == 2
