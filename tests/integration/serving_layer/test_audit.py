"""`cinematch audit` on real servers: nothing is found in an exact system, and whatever is tampered with is."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_user_stats import UserStats, UserStatsView
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.api.application import create_app
from cinematch.cli.application import app
from cinematch.contracts import collections
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.generations import list_chunks
from cinematch.contracts.redis_keys import cached_stats_key, user_keys
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings, StatsMode
from serving_layer.operator_routes import router as operator
from serving_layer.routes import router
from tests.browser.site import served
from tests.crontab import read_crontab
from tests.environments import environment_of
from tests.histories import film
from tests.lakes import store_events

pytestmark = pytest.mark.integration

LONG_AGO = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
FILMS = {
    f"m{n}": film(f"m{n}", genres=("Sci.Fi", "$Drama"), directors=("J.J. $Abrams",), runtime_minutes=95, year=2000)
    for n in range(1, 8)
}
USERS = ("ada", "bob{x}")
BATCH_EVENTS, LAKE_EVENTS = 4, 6


class Stage:
    """Two users with nine events each: in the outbox all, in the lake six, in the batch four, the rest in Redis."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.mongodb = mongodb_client.connect(settings)
        self.redis: Any = redis_client.connect(settings)
        self.database = self.mongodb[settings.mongodb_database]
        self.redis.flushall()
        ensure_schema(self.database)
        CatalogWriter(self.database).add_missing(FILMS.values())
        self.logs = {user_id: self._change(user_id) for user_id in USERS}
        store_events(settings, [event for log in self.logs.values() for event in log[:LAKE_EVENTS]])
        self._batch()
        RedisSpeedView(self.redis, 1000).apply({user: log[BATCH_EVENTS:] for user, log in self.logs.items()})
        for user_id in USERS:
            self.micro_batch(user_id)

    def close(self) -> None:
        self.mongodb.close()
        self.redis.close()

    def audit(self, *arguments: str, mode: StatsMode = StatsMode.LAMBDA, **changes: Any) -> Result:
        own = self.settings.model_copy(update={"stats_mode": mode, "mongodb_timeout_seconds": 15.0})
        return CliRunner().invoke(app, ["audit", *arguments], env=environment_of(own, **changes))

    def findings(self, mode: StatsMode = StatsMode.LAMBDA) -> list[dict[str, Any]]:
        """Audit, which must find drift, and give the findings."""
        result = self.audit("--json", mode=mode)
        assert result.exit_code == 1, result.output
        found: list[dict[str, Any]] = orjson.loads(result.stdout)["findings"]
        return found

    def micro_batch(self, user_id: str) -> None:
        log = self.logs[user_id]
        summary = summarise(replay(log), FILMS)
        result = UserStats(user_id, statistics(summary), summary.totals.rating_tenths, len(log), datetime.now(UTC))
        UserStatsView(self.database).write([result])

    def _change(self, user_id: str) -> list[Event]:
        watchlists = Watchlists(self.database)
        ratings = (7.5, None, 9.0, 4.5, 8.0, 8.0, 6.0)
        changes: list[Change] = [
            AddFilm(each, rating, None) for each, rating in zip(FILMS.values(), ratings, strict=True)
        ]
        changes += [AddFilm(FILMS["m1"], 3.5, None), RemoveFilm("m2")]
        return [event for change in changes for event in watchlists.change(user_id, change).events]

    def _batch(self) -> None:
        generations = MongoGenerations(self.database)
        now = datetime.now(UTC)
        number = generations.create("test", now, None, None).number
        for user_id, log in self.logs.items():
            watchlist = replay(log[:BATCH_EVENTS])
            document = batch_document(user_id, summarise(watchlist, FILMS), number, now)
            generations.write(number, [document], list_chunks(user_id, watchlist))
        generations.publish(number, now)


@pytest.fixture
def stage(
    settings: Settings, mongo_server: MongoServer, redis_server: RedisServer, minio_server: MinioServer
) -> Iterator[Stage]:
    stage = Stage(settings)
    yield stage
    stage.close()


def differences(finding: dict[str, Any], of: str = "answer") -> dict[str, tuple[Any, Any, int, int]]:
    rows = [each for each in finding["differences"] if each["of"] == of]
    return {each["field"]: (each["found"], each["expected"], each["first"], each["last"]) for each in rows}


def test_an_exact_system_has_no_drift_in_any_mode_and_the_audit_is_on_record(stage: Stage) -> None:
    for mode in StatsMode:
        result = stage.audit(mode=mode)
        assert result.exit_code == 0, result.output
        assert (
            f"2 users audited in mode {mode}: 2 answers equal the replay of their events, 0 with drift" in result.output
        )
    record = Audits(stage.database).last()
    assert record is not None
    assert (record.mode, record.users, record.equal, record.drift) == ("lambda", 2, 2, 0)
    assert stage.database[collections.AUDITS].count_documents({}) == len(StatsMode)


def test_counters_that_are_ahead_of_the_rest_are_no_drift_and_one_of_no_event_is(stage: Stage) -> None:
    view = stage.database[collections.USER_STATS]
    log = stage.logs["ada"]
    summary = summarise(replay(log[:5]), FILMS)
    behind = {"stats": statistics(summary), "rating_tenths": summary.totals.rating_tenths, "sequence": 5}
    view.update_one({"_id": "ada"}, {"$set": behind})
    assert stage.audit("--user", "ada", mode=StatsMode.INCREMENTAL).exit_code == 0
    view.update_one({"_id": "ada"}, {"$inc": {"rating_tenths": 10}})
    (finding,) = stage.findings(StatsMode.INCREMENTAL)
    assert set(differences(finding)) == {"avg_rating"}


def test_a_tampered_document_of_user_stats_is_found_and_described_with_the_events(stage: Stage) -> None:
    tampered = {"$set": {"stats.total_watched": 99, "stats.top_rated_movies.0.rating": 10.0}}
    stage.database[collections.USER_STATS].update_one({"_id": "ada"}, tampered)
    (finding,) = stage.findings(StatsMode.MICRO_BATCH)
    found = differences(finding)
    assert found.keys() == {"total_watched", "top_rated_movies"}
    assert found["total_watched"] == (99, 6, 1, 9)
    assert [event["sequence"] for event in finding["events"]] == list(range(1, 10))
    text = stage.audit(mode=StatsMode.MICRO_BATCH).output
    assert "user ada: drift" in text
    assert "answer, total_watched, by events 1 to 9\n    is        99\n    should be 6\n" in text
    assert "DELETE m2" in text
    assert "bob{x}" not in text


def test_a_tampered_cache_entry_is_found(stage: Stage) -> None:
    assert stage.audit(mode=StatsMode.CACHE_ASIDE).exit_code == 0
    key = cached_stats_key("ada")
    entry = stage.redis.get(key)
    stage.redis.set(key, entry.replace(b'"total_watched":6', b'"total_watched":7'), keepttl=True)
    (finding,) = stage.findings(StatsMode.CACHE_ASIDE)
    assert differences(finding) == {"total_watched": (7, 6, 1, 9)}


@pytest.mark.parametrize("mode", [StatsMode.LAMBDA, StatsMode.INCREMENTAL])
def test_a_tampered_redis_hash_is_found_although_no_reader_believes_it(stage: Stage, mode: StatsMode) -> None:
    stage.redis.hset(user_keys("ada").speed, "movie_count", 40)
    stage.redis.hset(user_keys("ada").genres, "Western", 3)
    (finding,) = stage.findings(mode)
    assert differences(finding) == {}
    found = differences(finding, "speed view")
    assert found["movie_count"] == (40, 2, 5, 9)
    assert found["genres"][0]["Western"] == 3


def test_a_speed_view_that_was_tampered_with_consistently_is_found_in_answer_and_view(stage: Stage) -> None:
    log = stage.logs["ada"]
    view = RedisSpeedView(stage.redis, 1000)
    view.replace("ada", BATCH_EVENTS, [replace(log[4], rating=10.0), *log[5:]])
    (finding,) = stage.findings()
    assert "avg_rating" in differences(finding)
    assert differences(finding, "speed view")["tail"][:2] == (["5 ADD m5 10.0"], ["5 ADD m5 8.0"])


def test_keys_of_another_type_are_described(stage: Stage) -> None:
    stage.redis.delete(user_keys("ada").tail)
    stage.redis.set(user_keys("ada").tail, "nonsense")
    (finding,) = stage.findings()
    assert list(differences(finding, "speed view")) == ["keys"]


def test_a_tampered_batch_document_is_found_with_and_without_events_behind_it(stage: Stage) -> None:
    generation = stage.database["user_stats_batch_g000001"]
    generation.update_one({"_id": "ada"}, {"$inc": {"summary.rating_tenths": 15}})
    (finding,) = stage.findings()
    assert set(differences(finding)) == {"avg_rating"}
    stage.redis.flushall()
    generation.update_one({"_id": "ada"}, {"$set": {"stats.favorite_genre": "Western"}})
    (finding,) = stage.findings()
    assert differences(finding) == {"favorite_genre": ("Western", "$Drama", 1, BATCH_EVENTS)}


def test_claims_beyond_what_was_issued_are_found(stage: Stage) -> None:
    stage.database[collections.USER_STATS].update_one({"_id": "ada"}, {"$set": {"sequence": 8}})
    (finding,) = stage.findings(StatsMode.MICRO_BATCH)  # all of event 9, said to be of event 8
    assert "total_watched" in differences(finding)


def test_a_user_whose_events_are_erased_or_expired_is_no_drift(stage: Stage) -> None:
    stage.database[collections.OUTBOX].delete_many({"user_id": "ada"})
    result = stage.audit("--user", "ada")
    assert result.exit_code == 2, result.output
    assert "user ada: without history: event 7 of 9 is neither in the lake nor in the outbox" in result.output
    result = stage.audit()
    assert result.exit_code == 0, result.output
    assert "1 answers equal the replay of their events, 0 with drift, 1 without history" in result.output
    stage.database[collections.USER_SEQUENCES].delete_one({"_id": "ada"})
    assert "ada" not in stage.audit().output
    assert stage.audit("--user", "ada").exit_code == 2


def test_a_user_who_was_erased_and_came_back_is_checked_from_the_floor(stage: Stage) -> None:
    watchlists, view = Watchlists(stage.database), RedisSpeedView(stage.redis, 1000)
    while films := watchlists.films_of("ada", 100):
        watchlists.apply_many("ada", [RemoveFilm(movie_id) for movie_id in films])
    erasure = Erasures(stage.database).bury("ada")
    assert erasure is not None
    stage.database[collections.OUTBOX].delete_many({"user_id": "ada"})
    view.forget({"ada": erasure.floor})
    back = [watchlists.change("ada", AddFilm(FILMS[film], 7.5, None)).events[0] for film in ("m1", "m3")]
    assert back[0].sequence == erasure.floor + 1
    view.apply({"ada": back})
    result = stage.audit("--user", "ada")
    assert result.exit_code == 0, result.output
    assert "1 answers equal the replay of their events, 0 with drift, 0 without history" in result.output
    stage.redis.hset(user_keys("ada").speed, "movie_count", 40)
    (finding,) = stage.findings()
    assert differences(finding, "speed view")["movie_count"] == (40, 2, back[0].sequence, back[1].sequence)


def test_a_catalog_import_since_the_view_was_computed_is_no_drift_and_a_wrong_figure_is(stage: Stage) -> None:
    CatalogWriter(stage.database).put([replace(FILMS["m1"], runtime_minutes=200, poster_path="/posters/m1.svg")])
    result = stage.audit(mode=StatsMode.MICRO_BATCH)
    assert result.exit_code == 0, result.output
    assert "2 answers show hours, people or posters of before the last catalog import" in result.output
    stage.database[collections.USER_STATS].update_one({"_id": "ada"}, {"$set": {"stats.total_watched": 99}})
    (finding,) = stage.findings(StatsMode.MICRO_BATCH)
    assert set(differences(finding)) == {"total_watched"}
    before_the_view = {"$set": {"changed_at": datetime.now(UTC) - timedelta(hours=1)}}
    stage.database[collections.CATALOG].update_one({"_id": "m1"}, before_the_view)
    assert {finding["user_id"] for finding in stage.findings(StatsMode.MICRO_BATCH)} == set(USERS)


def test_without_the_lake_the_outbox_is_replayed_and_without_mongodb_nothing_can_be_checked(stage: Stage) -> None:
    result = stage.audit(s3_endpoint_url="http://127.0.0.1:9")
    assert result.exit_code == 0, result.output
    assert "The lake could not be read, the outbox alone was replayed" in result.output
    result = stage.audit(mongodb_url="mongodb://127.0.0.1:9", mongodb_timeout_seconds=1.0)
    assert result.exit_code == 2
    assert "mongodb does not answer" in result.output


def test_a_running_api_is_audited_by_the_typed_client(stage: Stage) -> None:
    lambda_mode = stage.settings.model_copy(update={"stats_mode": StatsMode.LAMBDA})
    with served(lambda_mode, [router]) as site:
        assert stage.audit("--api", site.url).exit_code == 0
        stage.database["user_stats_batch_g000001"].update_one({"_id": "ada"}, {"$inc": {"summary.rating_tenths": 15}})
        result = stage.audit("--api", site.url)
    assert result.exit_code == 1, result.output
    assert "answer, avg_rating, by events 1 to 9" in result.output
    result = stage.audit("--api", "http://127.0.0.1:9", "--user", "ada")
    assert result.exit_code == 2
    assert "127.0.0.1 does not answer" in result.output


def test_the_crontab_audits_every_hour_and_the_operators_are_told(stage: Stage, tmp_path: Path) -> None:
    with TestClient(create_app(stage.settings, [operator])) as api:
        assert api.get("/operator/audit").json()["last"] is None
    settings = stage.settings.model_copy(update={"stats_mode": StatsMode.LAMBDA})
    done = read_crontab().run(settings.audit_cron, settings, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    with TestClient(create_app(stage.settings, [operator])) as api:
        answer = api.get("/operator/audit").json()
    told = {name: answer["last"][name] for name in ("mode", "users", "equal", "drift")}
    assert told == {"mode": "lambda", "users": 2, "equal": 2, "drift": 0}
    assert answer["last_drift"] is None
    away = {"mongodb_url": "mongodb://127.0.0.1:9", "mongodb_timeout_seconds": 0.3}
    with TestClient(create_app(stage.settings.model_copy(update=away), [operator])) as api:
        answer = api.get("/operator/audit").json()
    assert (answer["stores"], answer["last"]) == ({"mongodb": "failing"}, None)


def test_a_continuous_audit_goes_on_until_it_is_stopped(stage: Stage) -> None:
    command = [sys.executable, "-m", "cinematch", "audit", "--continuous", "--json"]
    environment = environment_of(stage.settings, stats_mode="lambda")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert orjson.loads(process.stdout.readline())["equal"] == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_system_without_users_is_equal(settings: Settings, mongo_server: MongoServer) -> None:
    result = CliRunner().invoke(app, ["audit", "--sample", "3"], env=environment_of(settings))
    assert result.exit_code == 0, result.output
    assert "There is no user with an event yet." in result.output
