"""An erasure leaves nothing of a user in any store, whatever is in flight, whoever is killed, whoever comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_change_groups import ChangeGroups, ChangeRequest
from cinematch.adapters.mongodb_client import connect_async
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.adapters.mongodb_watchlist_plan import Outcome
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.api.application import create_app
from cinematch.contracts.collections import GLOBAL_GENRE_COUNTS, GLOBAL_MOVIE_COUNTS
from cinematch.contracts.erasure import Erasure, Removed, user_digest
from cinematch.contracts.stored_stats import Stored
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import Film
from cinematch.errors import StoreUnavailable, UserNotFound
from cinematch.settings import StatsMode
from ingestion.personal_data.erasing import Erasing
from ingestion.personal_data.report import report
from tests.erasure_stage import ErasureStage
from tests.histories import add
from tests.lake_stage import wait_until
from tests.twins.memory_lease import MemoryLease

pytestmark = pytest.mark.integration


def finished(stage: ErasureStage, erasure: Erasure) -> Erasure:
    """Go on until only the next batch is waited for, run that, and go on to the end."""
    going_on = erasure

    def only_batch_is_left() -> bool:
        nonlocal going_on
        going_on = stage.personal_data.erasing.go_on(going_on)
        return all(going_on.is_done(step) for step in stage.personal_data.steps if step != "batch_layer")

    wait_until(only_batch_is_left, "all but the batch layer")
    stage.batch("bob")
    return stage.personal_data.erasing.go_on(going_on)


def counts(stage: ErasureStage) -> dict[str, int]:
    names = (GLOBAL_MOVIE_COUNTS, GLOBAL_GENRE_COUNTS)
    return {it["_id"]: it["count"] for name in names for it in stage.database[name].find()}


async def stored(stage: ErasureStage, user_id: str) -> Stored:
    async with connect_async(stage.settings) as client:
        return await MongoStats(client[stage.settings.mongodb_database]).user_stats(user_id)


async def test_nothing_is_left_of_an_erased_user_and_the_others_keep_all(stage: ErasureStage) -> None:
    stage.add("bob", "m1", "m2")
    before = counts(stage)
    old = stage.add("ann", "m1", "m3")
    stage.batch("ann", "bob")
    stage.wait_for_lake("ann", 2)
    assert len(stage.traces("ann")) >= 8

    erasure = stage.personal_data.erasing.begin("ann")
    assert erasure.floor == 4  # two films were removed
    assert await stored(stage, "ann") == Stored(None, 0)
    ended = finished(stage, erasure)

    assert stage.traces("ann") == []
    assert ended.finished_at is not None
    assert ended.user_id is None
    assert counts(stage) == before
    assert [event.sequence for event in stage.lake.events_of(["bob"])["bob"]] == [1, 2]
    told = report(ended, stage.personal_data.steps).model_dump()
    assert told["user_digest"] == user_digest("ann")
    removed = {place: count for step in told["steps"] for place, count in step["removed"].items()}
    assert removed["outbox"] == 4
    assert removed["user-events"] == 4
    assert removed["batch_documents"] == 1
    assert removed["batch_states"] == 1
    assert removed["speed_views"] == 1
    assert "ann" not in json.dumps(told, default=str).replace("cannot", "")

    stage.trends.count(old, stage.trends.window_start())  # type: ignore[arg-type]  # a lost checkpoint: all again
    assert counts(stage) == before


async def test_who_comes_back_begins_anew_behind_the_floor(stage: ErasureStage) -> None:
    old = stage.add("ann", "m1", "m2")
    erasure = finished(stage, stage.personal_data.erasing.begin("ann"))
    async with connect_async(stage.settings) as client:
        database = client[stage.settings.mongodb_database]
        film = Film("m9", "Film m9", genres=("Comedy",))
        (reply,) = await ChangeGroups(database).carry_out([ChangeRequest("ann", "m9", lambda _: AddFilm(film, 9.0))])
    assert isinstance(reply, Outcome)
    assert reply.sequence == erasure.floor + 1
    stage.take_in(old)  # a replayed stream
    stage.take_in(list(reply.events))
    found = await stored(stage, "ann")
    assert found.document is not None
    assert (found.latest_sequence, found.floor) == (5, 4)
    assert found.document["stats"]["total_watched"] == 1
    assert counts(stage) == {"m9": 1, "Comedy": 1}
    again = finished(stage, stage.personal_data.erasing.begin("ann"))
    assert again.floor == 6
    assert stage.traces("ann") == []


async def test_events_that_only_others_know_since_a_backup_was_put_back_are_erased_by_their_last_number(
    stage: ErasureStage,
) -> None:
    stage.add("bob", "m1")
    stage.add("ann", "m1")
    erasure = finished(stage, stage.personal_data.erasing.begin("ann", 9))
    assert erasure.floor == 9
    assert erasure.finished_at is not None
    assert stage.traces("ann") == []
    stage.take_in([add(number, f"m{number}", 7.5, user_id="ann") for number in range(4, 10)])  # a replayed stream
    assert await stored(stage, "ann") == Stored(None, 0)
    assert counts(stage) == {"m1": 1, "Drama": 1}
    assert stage.watchlists.change("ann", AddFilm(Film("m2", "Film m2"))).sequence == 10
    assert stage.personal_data.erasing.begin("ann", 9) == erasure  # once more: what they did since stays
    assert stage.watchlists.films_of("ann", 10) == ["m2"]
    assert stage.personal_data.erasing.begin("carl", 5).floor == 5
    assert stage.personal_data.erasing.begin("carl", 3).floor == 5
    assert stage.watchlists.change("carl", AddFilm(Film("m2", "Film m2"))).sequence == 6


def test_what_is_in_flight_is_removed_by_the_guardian_and_counted_by_nobody(stage: ErasureStage) -> None:
    from cinematch.adapters.mongodb_boundaries import Boundaries
    from cinematch.adapters.mongodb_outbox import Outbox
    from cinematch.contracts.event_history import JoinedHistory
    from speed_layer.repairs import Repairs

    old = stage.add("ann", "m1", "m2")
    finished(stage, stage.personal_data.erasing.begin("ann"))
    before = counts(stage)
    stage.take_in(old)
    assert stage.traces("ann") != []  # the speed view was begun anew, which the applier reports
    history = JoinedHistory(Outbox(stage.database), stage.lake)
    Repairs(stage.view, Boundaries(stage.database), history).repair(["ann"])
    assert stage.traces("ann") == []
    assert counts(stage) == before


class Mortal:
    """Passes calls on, until a number of them is reached: then the process is killed."""

    def __init__(self, inner: Any, left: list[int]) -> None:
        self._inner = inner
        self._left = left

    def __getattr__(self, name: str) -> Any:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise KeyboardInterrupt
        return getattr(self._inner, name)


def mortal_eraser(make: Callable[[], Any], left: list[int]) -> Any:
    return Mortal(make(), left)


def test_killed_anywhere_and_run_again_it_completes(stage: ErasureStage) -> None:
    stage.add("ann", *(f"m{number}" for number in range(5)))
    stage.batch("ann")
    makers = stage.personal_data.erasing._makers
    erasure: Erasure | None = None
    for calls in range(1, 60):
        left = [calls]
        mortal = Erasing(
            Mortal(Watchlists(stage.database), left),
            Mortal(Erasures(stage.database), left),
            {name: partial(mortal_eraser, make, left) for name, make in makers.items()},
            lambda: MemoryLease("mortal"),
        )
        try:
            erasure = mortal.go_on(mortal.begin("ann"))
        except KeyboardInterrupt:
            continue
    assert erasure is not None
    assert finished(stage, erasure).finished_at is not None
    assert stage.traces("ann") == []


def test_a_store_that_is_away_is_waited_for_and_named(stage: ErasureStage) -> None:
    class Away:
        def erase(self, erasure: Erasure) -> Removed:
            raise StoreUnavailable("redis", "it is down")

    stage.add("ann", "m1")
    erasing = Erasing(
        Watchlists(stage.database), Erasures(stage.database), {"speed_layer": Away}, lambda: MemoryLease("test")
    )
    erasure = erasing.go_on(erasing.begin("ann"))
    (step,) = [it for it in report(erasure, ["speed_layer"]).steps if it.step == "speed_layer"]
    assert step.waits_for == "redis, which does not answer"
    assert erasure.finished_at is None


def test_nobody_cannot_be_erased(stage: ErasureStage) -> None:
    with pytest.raises(UserNotFound):
        stage.personal_data.erasing.begin("nobody")


def test_an_erasure_is_gone_from_every_answer_at_once(stage: ErasureStage) -> None:
    stage.add("ann", *(f"m{number}" for number in range(300)))
    stage.add("bob", "m1")
    with ExitStack() as ends:
        apis = {mode: ends.enter_context(served(stage, mode)) for mode in StatsMode}

        def answered(path: str) -> dict[StatsMode, int]:
            return {mode: api.get(path).status_code for mode, api in apis.items()}

        everywhere = dict.fromkeys(StatsMode, 200)
        assert answered("/stats?user_id=ann") == everywhere  # kept in the cache, too, by the mode that has one
        began = time.monotonic()
        assert apis[StatsMode.LAMBDA].delete("/users/ann").status_code == 202
        assert stage.issued("ann") == 0
        assert answered("/stats?user_id=ann") == dict.fromkeys(StatsMode, 404)
        assert answered("/users/ann/export") == dict.fromkeys(StatsMode, 404)
        assert apis[StatsMode.LAMBDA].get("/movies?user_id=ann").json()["movies"] == []
        assert time.monotonic() - began < 60
        assert answered("/stats?user_id=bob") == everywhere


def served(stage: ErasureStage, mode: StatsMode) -> TestClient:
    """Give a client of an API over the stage's stores, in a mode."""
    return TestClient(create_app(stage.settings.model_copy(update={"stats_mode": mode})))


def test_an_export_has_list_statistics_and_events(stage: ErasureStage) -> None:
    events = stage.add("ann", "m1", "m2")
    exported = json.loads(b"".join(stage.personal_data.export.of("ann")))
    assert exported["user_id"] == "ann"
    assert [movie["movie_id"] for movie in exported["list"]] == ["m1", "m2"]
    assert [event["sequence"] for event in exported["events"]] == [event.sequence for event in events]
    assert exported["statistics"]["user_stats"]["stats"]["total_watched"] == 2
    with pytest.raises(UserNotFound):
        stage.personal_data.export.of("nobody")
