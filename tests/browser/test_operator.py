"""The operator's page: what it tells, what it lets one do, and how it behaves when parts are away."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from batch_layer.operator_routes import router as batch_router
from cinematch.adapters.kafka_log import RecordPublisher, read_log
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.collections import AUDITS
from cinematch.contracts.dead_letter import DeadLetter, encode
from cinematch.contracts.generations import GenerationState
from cinematch.contracts.heartbeat import heartbeat_lease
from cinematch.contracts.layers import Layer
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import Film
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings, StatsMode
from data_lake.operator_routes import router as lake_router
from ingestion.operator_routes import router as ingestion_router
from micro_batch.operator_routes import router as micro_batch_router
from serving_layer.operator_routes import router as serving_router
from speed_layer.operator_routes import router as speed_router
from tests.browser.axe import violations
from tests.browser.conftest import ROUTERS
from tests.browser.site import Site, served
from tests.lake_stage import events_of
from tests.lakes import store_events

pytestmark = pytest.mark.integration

OPERATION = (batch_router, lake_router, ingestion_router, micro_batch_router, serving_router, speed_router)
HOSTILE = '<img src=x onerror="document.title=1">"\'&'
STARTED = datetime(2026, 3, 1, 3, tzinfo=UTC)
CONSOLE = "http://127.0.0.1:9001/"
LATE = {"per_second": 3.5, "lag_events": 120, "lag_seconds": 42.0, "usual_seconds": 5.0}


@pytest.fixture(scope="module")
def site_settings(
    mongo_server: MongoServer, redis_server: RedisServer, kafka_server: KafkaServer, minio_server: MinioServer
) -> Iterator[Settings]:
    """Settings of the module's own database, topics and bucket."""
    name = f"operator-{secrets.token_hex(6)}"
    key, secret = minio_server.credentials.access_key_id, minio_server.credentials.secret_access_key
    ensure_bucket(minio_server.url, key, secret, name)
    topics = {"events_topic": name, "dead_letter_topic": f"{name}.dead", "speed_deltas_topic": f"{name}.deltas"}
    ensure_topics(kafka_server.address, dict.fromkeys(topics.values(), 1))
    settings = Settings.model_validate(
        {
            **topics,
            "kafka_bootstrap_servers": kafka_server.address,
            "mongodb_url": mongo_server.url,
            "mongodb_database": name,
            "redis_url": redis_server.url,
            "s3_endpoint_url": minio_server.url,
            "s3_access_key_id": key,
            "s3_secret_access_key": secret,
            "lake_bucket": name,
            "stats_mode": StatsMode.LAMBDA,
            "operator_links": [["MinIO console", CONSOLE]],
        }
    )
    with connect(settings) as client:
        ensure_schema(client[name])
        yield settings
        client.drop_database(name)


@pytest.fixture(scope="module")
def site(site_settings: Settings, generations: MongoGenerations) -> Iterator[Site]:
    """The running application with every operator route, and something to see."""
    _reject(site_settings, 1, "the message is not JSON in UTF-8", b"{")
    _reject(site_settings, 2, HOSTILE, HOSTILE.encode())
    _reject(site_settings, 3, "schema_version must be 1", b"[]")
    store_events(site_settings, events_of(["anna"], 1, 7))
    with served(site_settings, (*ROUTERS, *OPERATION)) as running:
        yield running


@pytest.fixture(scope="module")
def generations(site_database: SyncDatabase) -> MongoGenerations:
    """Three complete generations, and one that failed."""
    store = MongoGenerations(site_database)
    states = [GenerationState.READY, GenerationState.READY, GenerationState.FAILED, GenerationState.READY]
    for night, state in enumerate(states):
        number = store.create("host/1/x", STARTED + timedelta(days=night), None, None).number
        reason = HOSTILE if state is GenerationState.FAILED else None
        finished = STARTED + timedelta(days=night, minutes=1)
        store.update(number, state=state, finished_at=finished, seconds=60.0 + night, users=5, events=7, reason=reason)
    store.publish(4, datetime.now(UTC))
    return store


@pytest.fixture
def audits(site_settings: Settings) -> Iterator[Audits]:
    """The records of audits, none at first, and none for other tests."""
    with connect(site_settings) as client:
        database = client[site_settings.mongodb_database]
        yield Audits(database)
        database[AUDITS].delete_many({})


@pytest.fixture
def asking(page: Page) -> Iterator[Page]:
    """A page that hears of nothing by itself: without the stream it asks each endpoint, which a test may change."""
    page.route("**/operator/stream", lambda route: route.abort())
    yield page
    page.unroute_all(behavior="ignoreErrors")


@pytest.fixture
def operator(page: Page) -> Page:
    """The page, once every source has answered."""
    return loaded(page)


def loaded(page: Page) -> Page:
    page.goto("/operator")
    expect(page.locator("#lag canvas").first).to_be_visible()
    expect(page.locator("#verdict")).not_to_have_attribute("data-state", "loading")
    return page


def answering(page: Page, endpoint: str, **changes: object) -> None:
    """Have an endpoint of operators answer with some fields changed."""

    def answer(route: Route) -> None:
        found = route.fetch()
        route.fulfill(response=found, body=json.dumps(found.json() | changes))

    page.route(f"**/operator/{endpoint}", answer)


def test_the_picture_tells_of_every_edge_and_a_table_says_the_same(operator: Page) -> None:
    wide = operator.locator("svg.wide")
    assert wide.locator(".node").count() == 13
    expect(wide.locator('.label[data-edge="relay"]')).to_contain_text("0 s behind")
    expect(wide.locator('[data-node="lake"]')).to_contain_text("1 obj.")
    expect(wide.locator('[data-node="redis"]')).to_have_attribute("data-state", "ok")
    expect(wide.locator('[data-node="speed_layer"]')).to_contain_text("not running")
    operator.locator("#picture").get_by_text("As a table").click()
    assert operator.locator("#picture tbody tr").count() == 6


def test_every_panel_is_filled_and_says_how_fresh_it_is(operator: Page) -> None:
    expect(operator.locator('[data-folder="user-events"]')).to_contain_text("7 rows")
    expect(operator.locator('#generations [data-generation="4"]')).to_contain_text("published")
    expect(operator.locator("#letters [data-letter]")).to_have_count(3)
    expect(operator.locator("#durations canvas").first).to_be_visible()
    for name in ("lake", "generations", "letters"):
        expect(operator.locator(f'#{name} [data-freshness="{name}"]')).to_have_attribute("data-state", "fresh")
    expect(operator.locator("#verdict")).to_contain_text("Needs attention: Relay, Speed layer, Lake sink")
    expect(operator.get_by_role("link", name="MinIO console")).to_have_attribute("href", CONSOLE)


def test_going_back_to_a_generation_is_asked_and_done(operator: Page, generations: MongoGenerations) -> None:
    generations.publish(4, datetime.now(UTC))
    operator.get_by_role("button", name="Go back to generation 2").click()
    operator.get_by_role("button", name="Cancel").click()
    expect(operator.locator("#confirm")).to_be_hidden()
    assert _published(generations) == 4
    operator.get_by_role("button", name="Go back to generation 2").click()
    expect(operator.locator("#confirm")).to_contain_text("Readers see generation 4 now")
    operator.locator("#confirm-yes").click()
    expect(operator.locator("#notice")).to_have_text("Generation 2 is published.")
    assert _published(generations) == 2
    expect(operator.locator('[data-generation="2"]')).to_contain_text("published")
    expect(operator.get_by_role("button", name="Publish generation 4")).to_be_visible()


def test_what_was_published_by_another_meanwhile_is_not_overwritten(
    operator: Page, generations: MongoGenerations
) -> None:
    generations.publish(4, datetime.now(UTC))
    operator.get_by_role("button", name="Go back to generation 2").click()
    generations.publish(1, datetime.now(UTC))
    operator.locator("#confirm-yes").click()
    expect(operator.locator("#confirm-error")).to_contain_text("generation 1 is published by now")
    assert _published(generations) == 1
    operator.keyboard.press("Escape")
    expect(operator.locator("#confirm")).to_be_hidden()
    generations.publish(4, datetime.now(UTC))


def test_a_dead_letter_is_shown_and_published_again(operator: Page, site_settings: Settings) -> None:
    letter = f"{site_settings.events_topic}/0/1"
    operator.get_by_role("button", name=f"Show {letter}").click()
    expect(operator.locator("[data-letter-value]")).to_have_text("{")
    operator.get_by_role("button", name="Close").click()
    operator.get_by_role("button", name=f"Publish again {letter}").click()
    operator.locator("#confirm-yes").click()
    expect(operator.locator("#notice")).to_have_text("1 record was published again.")
    expect(operator.locator(f'[data-letter="{letter}"]')).to_have_attribute("data-state", "redriven")
    expect(operator.get_by_role("button", name=f"Publish again {letter}")).to_have_count(0)
    start = {LogPartition(site_settings.events_topic, 0): 0}
    records = list(read_log(site_settings.kafka_bootstrap_servers, site_settings.events_topic, start))
    assert [record.value for record in records] == [b"{"]


def test_hostile_texts_are_text(operator: Page, site_settings: Settings) -> None:
    expect(operator.locator('[data-generation="3"] bdi')).to_have_text(HOSTILE)
    expect(operator.locator("#letters bdi", has_text="onerror")).to_have_text(HOSTILE)
    operator.get_by_role("button", name=f"Show {site_settings.events_topic}/0/2").click()
    expect(operator.locator("[data-letter-value]")).to_have_text(HOSTILE)
    assert "CineMatch" in operator.title()
    assert operator.locator('img[src="x"]').count() == 0


def test_a_dead_redis_is_told_and_everything_else_goes_on(operator: Page, redis_server: RedisServer) -> None:
    redis = operator.locator('svg.wide [data-node="redis"]')
    expect(redis).to_have_attribute("data-state", "ok")
    redis_server.kill()
    try:
        expect(redis).to_have_attribute("data-state", "wrong", timeout=20_000)
        expect(redis).to_contain_text("no answer")
        expect(operator.locator('#lag [data-freshness="streams"]')).to_have_attribute("data-state", "partial")
        expect(operator.locator("#health li", has_text="Redis")).to_have_attribute("data-state", "wrong")
        expect(operator.locator("#verdict")).to_contain_text("Redis")
        expect(operator.locator('#generations [data-freshness="generations"]')).to_have_attribute("data-state", "fresh")
    finally:
        redis_server.start()
        redis_server.wait_ready()
    expect(redis).to_have_attribute("data-state", "ok", timeout=20_000)


@pytest.mark.parametrize(("layer", "tile"), [(Layer.MICRO_BATCH, "Micro-batch"), (Layer.BATCH_LAYER, "Scheduler")])
def test_a_process_is_told_of_by_its_heartbeat_and_missed_once_it_has_died(
    page: Page, site_database: SyncDatabase, layer: Layer, tile: str
) -> None:
    page.goto("/operator")
    health = page.locator("#health li", has_text=tile)
    expect(health).to_have_attribute("data-state", "unused")
    alive, dying = (MongoLease(site_database, heartbeat_lease(layer), "host/7", seconds) for seconds in (60.0, 0.01))
    alive.acquire()
    try:
        expect(health).to_have_attribute("data-state", "ok")
        expect(health).to_contain_text("host/7, seen")
        dying.renew()
        expect(health).to_have_attribute("data-state", "wrong")
        expect(health).to_contain_text("not running")
        expect(health).to_contain_text("host/7, seen")
        expect(page.locator("#verdict")).to_contain_text(tile)
        if layer is Layer.MICRO_BATCH:
            node = page.locator('svg.wide [data-node="micro_batch"]')
            expect(node).to_have_attribute("data-state", "wrong")
            expect(node).to_contain_text("not running")
    finally:
        alive.release()
    expect(health).to_have_attribute("data-state", "unused")
    expect(page.locator("#verdict")).not_to_contain_text(tile)


def test_what_an_installation_does_without_is_not_missed(asking: Page) -> None:
    answering(
        asking, "speed", used=False, process=None, applied=None, consumers=0, stores={"kafka": "ok", "mongodb": "ok"}
    )
    answering(asking, "lake", used=False, sinks=0, stored=None, folders=None, stores={"kafka": "ok"})
    answering(asking, "dead-letters", used=False, letters=None, stores={})
    answering(asking, "generations", used=False, generations=[], published=None)
    page = loaded(asking)
    for tile in ("S3 (MinIO)", "Speed layer", "Lake sink"):
        expect(page.locator("#health li", has_text=tile)).to_have_attribute("data-state", "unused")
    expect(page.locator("#verdict")).to_have_text(re.compile("Needs attention: Relay$"))
    for node in ("speed_layer", "data_lake", "lake", "batch_layer", "user_stats_batch"):
        expect(page.locator(f'svg.wide [data-node="{node}"]')).to_contain_text("not used")
    for edge in ("speed", "lake", "batch"):
        expect(page.locator(f'svg.wide .label[data-edge="{edge}"]')).to_have_attribute("data-state", "unused")
    for panel in ("lake", "letters"):
        expect(page.locator(f"#{panel} [data-placeholder]")).to_have_text("This installation keeps no lake.")
        expect(page.locator(f'#{panel} [data-freshness="{panel}"]')).to_have_attribute("data-state", "fresh")


def test_a_speed_layer_without_consumers_of_its_own_runs_by_its_heartbeat(asking: Page) -> None:
    process = {"name": "host/9", "beat_at": datetime.now(UTC).isoformat(), "alive": True}
    answering(asking, "speed", trigger="micro_batch", consumers=None, process=process)
    page = loaded(asking)
    tile = page.locator("#health li", has_text="Speed layer")
    expect(tile).to_have_attribute("data-state", "ok")
    expect(tile).to_contain_text("host/9, seen")
    expect(page.locator('svg.wide [data-node="speed_layer"]')).to_contain_text("runs")
    expect(page.locator("#verdict")).not_to_contain_text("Speed layer")


def test_a_batch_at_work_is_told_by_its_own_figures(asking: Page) -> None:
    run = {
        "number": 5,
        "state": "building",
        "base": 4,
        "started_at": datetime.now(UTC).isoformat(),
        "users": 0,
        "films": 0,
    }
    nothing = dict.fromkeys(["finished_at", "published_at", "seconds", "last_event_time", "reason"])
    answering(asking, "generations", generations=[run | nothing | {"events": 0, "waiting_users": 0}], runner="host/1/x")
    page = loaded(asking)
    box = page.locator('svg.wide [data-node="batch_layer"]')
    expect(box).to_have_attribute("data-state", "busy")
    expect(box).to_contain_text("at work for")
    expect(page.locator('svg.wide .label[data-edge="batch"]')).to_contain_text("Generation 5")
    expect(page.locator('svg.wide .label[data-edge="batch"]')).to_contain_text("computing")


def test_the_last_audit_is_told_and_drift_needs_attention(page: Page, audits: Audits) -> None:
    counts = {"users": 100, "equal": 99, "drift": 0, "without_history": 1, "unanswered": 0, "incomplete": 0}
    at = datetime.now(UTC) - timedelta(minutes=12)
    record = AuditRecord(started_at=at, finished_at=at, mode="lambda", **counts)
    audit = page.locator("#health li", has_text="Audit")
    audits.keep(record)
    page.goto("/operator")
    expect(audit).to_contain_text("100 users, drift 0, 12 min ago")
    expect(audit).to_have_attribute("data-state", "ok")
    drift = replace(record, equal=98, drift=1)
    audits.keep(replace(drift, finished_at=at - timedelta(hours=6)))
    audits.keep(record)
    expect(audit).to_contain_text("drift 0")
    audits.keep(drift)
    audits.keep(replace(record, users=99, equal=98))
    expect(audit).to_contain_text("100 users, drift 1")
    expect(page.locator("#verdict")).to_contain_text("Audit")


def test_a_panel_whose_endpoint_fails_says_so_alone(asking: Page) -> None:
    page = asking
    page.route("**/operator/lake", lambda route: route.fulfill(status=503, json={"detail": "away"}))
    page.goto("/operator")
    expect(page.locator("#lake [data-placeholder]")).to_contain_text("could not be loaded")
    expect(page.locator('#lake [data-freshness="lake"]')).to_have_attribute("data-state", "failed")
    expect(page.locator("#verdict")).to_have_attribute("data-state", "wrong")
    expect(page.locator("#generations [data-generation]")).to_have_count(4)
    page.unroute("**/operator/lake")
    expect(page.locator('[data-folder="user-events"]')).to_be_visible()


def test_figures_that_nobody_confirms_do_not_look_live(asking: Page) -> None:
    operator = loaded(asking)
    expect(operator.locator('[data-folder="user-events"]')).to_be_visible()
    label = operator.locator('svg.wide .label[data-edge="lake"]')
    operator.route("**/operator/lake", lambda route: route.abort())
    expect(operator.locator('#lake [data-freshness="lake"]')).to_have_attribute("data-state", "failed")
    expect(operator.locator('#lake [data-freshness="lake"]')).to_contain_text("failed: as of")
    expect(operator.locator("#lake")).to_have_attribute("data-old", "true")
    expect(label).to_have_attribute("data-state", "unknown")
    expect(label).to_contain_text("not known")


def test_a_stream_that_is_late_is_told_by_text_as_well(asking: Page) -> None:
    page = asking
    answering(page, "speed", applied=LATE)
    page.goto("/operator")
    edge = page.locator('svg.wide .label[data-edge="speed"]')
    expect(edge).to_have_attribute("data-state", "late")
    expect(edge).to_contain_text("▲ 42 s behind")
    expect(edge).to_contain_text("3.5/s")
    expect(page.locator('#lag [data-freshness="streams"]')).to_have_text(re.compile("delayed: 42 s behind"))
    line, head = (page.locator(f'svg.wide .edge[data-edge="speed"] .{part}').first for part in ("line", "head"))
    assert line.evaluate("it => getComputedStyle(it).stroke") == head.evaluate("it => getComputedStyle(it).fill")


def test_an_event_moves_its_edge_without_anybody_asking(operator: Page, site_database: SyncDatabase) -> None:
    expect(operator.locator("[data-connection]")).to_have_text("live")
    edge = operator.locator('svg.wide .label[data-edge="outbox"]')
    expect(edge).to_contain_text("0/s")
    asked: list[str] = []
    operator.on("request", lambda request: asked.append(request.url))
    Watchlists(site_database).change("mover", AddFilm(Film(secrets.token_hex(8), "A film"), 7.5))
    expect(edge).to_contain_text("0.1/s")
    assert asked == []


def test_one_panel_that_fails_is_told_by_the_stream_alone(
    operator: Page, monkeypatch: pytest.MonkeyPatch, generations: MongoGenerations
) -> None:
    chip = operator.locator('#generations [data-freshness="generations"]')
    expect(chip).to_have_attribute("data-state", "fresh")

    async def broken(_looks: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("batch_layer.operator_routes.panel", broken)
    expect(chip).to_have_attribute("data-state", "failed")
    expect(operator.locator('#lake [data-freshness="lake"]')).to_have_attribute("data-state", "fresh")
    monkeypatch.undo()
    expect(chip).to_have_attribute("data-state", "fresh")


def test_without_the_stream_the_page_asks_and_says_so(asking: Page) -> None:
    operator = loaded(asking)
    expect(operator.locator("[data-connection]")).to_have_text("asking every few seconds")
    expect(operator.locator("#letters [data-letter]")).to_have_count(3)
    expect(operator.locator('svg.wide .label[data-edge="relay"]')).to_contain_text("behind")


def test_everything_is_reached_by_keyboard(operator: Page) -> None:
    operator.locator(".tools a").first.focus()
    reached = set()
    for _ in range(40):
        operator.keyboard.press("Tab")
        reached.add(operator.evaluate("document.activeElement.textContent.trim().split(/\\s+/).slice(0, 2).join(' ')"))
    assert {"Go back", "Show", "Publish again", "Days", "As a"} <= {*reached, *(it.split(" ")[0] for it in reached)}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "it-IT"])
def test_axe_finds_nothing(new_page: Callable[..., Page], theme: str, locale: str) -> None:
    page = new_page(color_scheme=theme, locale=locale, reduced_motion="reduce")
    page.goto("/operator")
    expect(page.locator("#lag canvas").first).to_be_visible()
    expect(page.locator("#letters [data-letter]")).to_have_count(3)
    assert violations(page) == []
    page.locator("[data-letter] button").first.click()
    expect(page.locator("#letter")).to_be_visible()
    assert violations(page) == []


def test_nothing_sticks_out_at_360_pixels(new_page: Callable[..., Page]) -> None:
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto("/operator")
    expect(page.locator("svg.tall")).to_be_visible()
    expect(page.locator("svg.wide")).to_be_hidden()
    expect(page.locator("#letters [data-letter]")).to_have_count(3)
    expect(page.locator('[data-folder="user-events"]')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def _reject(settings: Settings, offset: int, reason: str, value: bytes) -> None:
    letter = DeadLetter(reason, "data_lake", settings.events_topic, 0, offset, b"anna", value, datetime.now(UTC))
    publisher = RecordPublisher(settings.kafka_bootstrap_servers)
    publisher.publish(settings.dead_letter_topic, letter.identity.encode(), encode(letter))
    publisher.close()


def _published(generations: MongoGenerations) -> int | None:
    published = generations.published()
    return None if published is None else published.number
