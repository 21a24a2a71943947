"""The follower of the catalog on a real MongoDB: a correction reaches whoever has the film, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from bson import Timestamp

from cinematch.adapters.mongodb_catalog_feed import open_catalog_feed
from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_user_stats import StoredLists, UserStats, UserStatsView
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import Film
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.ports import free_port
from cinematch.settings import Settings
from micro_batch import catalog_follower
from micro_batch.catalog_follower import FOLLOWER, SAVE_SECONDS, CatalogFollower
from micro_batch.user_stats import UserStatsStores, refresh_user_stats
from tests.micro_batch_stage import FILMS, UNKNOWN, Rounds, Stage

pytestmark = pytest.mark.integration
LONG, OTHER = FILMS[0], FILMS[4]


@pytest.fixture
def stores(stage: Stage) -> UserStatsStores:
    return UserStatsStores.of(stage.client, stage.settings.mongodb_database)


@pytest.fixture
def follower(stage: Stage, stores: UserStatsStores) -> CatalogFollower:
    return CatalogFollower(stage.database, stores)


def settle(stage: Stage, stores: UserStatsStores) -> None:
    """Two users, one of whom has LONG; their statistics are up to date."""
    stage.change("ann", AddFilm(LONG, 8.0))
    stage.change("bob", AddFilm(OTHER, 6.0))
    refresh_user_stats(stage.sequences(), stores)


def correct(stage: Stage, film: Film, minutes: int = 1_000) -> None:
    CatalogWriter(stage.database).put([replace(film, runtime_minutes=minutes)])


def hours(stage: Stage, user_id: str) -> float:
    document = stage.database.user_stats.find_one({"_id": user_id})
    assert document is not None
    return float(document["stats"]["watch_time_hours"])


def written_at(stage: Stage) -> dict[str, datetime]:
    return {user["_id"]: user["last_updated"] for user in stage.database.user_stats.find()}


def start(stage: Stage, follower: CatalogFollower) -> None:
    """Let the follower have been there, with a place to go on from."""
    with open_catalog_feed(stage.database, FOLLOWER) as feed:
        follower.catch_up(feed)


def follow(stage: Stage, follower: CatalogFollower) -> None:
    """One run of the follower over what was changed so far."""
    with open_catalog_feed(stage.database, FOLLOWER) as feed:
        follower.catch_up(feed)
        follower.step(feed)


def follow_for_ever(stage: Stage, follower: CatalogFollower) -> None:
    with open_catalog_feed(stage.database, FOLLOWER) as feed:
        while True:
            follower.step(feed)


def test_a_corrected_film_reaches_whoever_has_it_and_nobody_else(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower
) -> None:
    settle(stage, stores)
    start(stage, follower)
    before = written_at(stage)
    correct(stage, LONG)
    follow(stage, follower)
    stage.assert_stats_equal_a_recomputation()
    assert hours(stage, "ann") == pytest.approx(1_000 / 60, abs=0.1)
    after = written_at(stage)
    assert (after["ann"] > before["ann"], after["bob"]) == (True, before["bob"])


def test_a_film_that_is_brought_as_it_is_is_no_change(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower
) -> None:
    settle(stage, stores)
    start(stage, follower)
    correct(stage, LONG)
    follow(stage, follower)
    before = written_at(stage)
    correct(stage, LONG)
    correct(stage, OTHER)
    follow(stage, follower)
    after = written_at(stage)
    assert (after["ann"], after["bob"] > before["bob"]) == (before["ann"], True)


def test_a_film_that_comes_into_the_catalog_or_leaves_it_reaches_whoever_has_it(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower
) -> None:
    stage.change("ann", AddFilm(UNKNOWN, 8.0), AddFilm(LONG, 7.0))
    refresh_user_stats(stage.sequences(), stores)
    start(stage, follower)
    CatalogWriter(stage.database).put([replace(UNKNOWN, runtime_minutes=90)])
    stage.database.catalog.delete_one({"_id": LONG.movie_id})
    follow(stage, follower)
    stage.assert_stats_equal_a_recomputation()
    assert hours(stage, "ann") == pytest.approx(1.5)


def test_what_was_changed_while_nobody_followed_is_found_afterwards(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower
) -> None:
    settle(stage, stores)
    start(stage, follower)
    for minutes in range(200, 230):
        correct(stage, LONG, minutes)
    correct(stage, OTHER)
    follow(stage, follower)
    stage.assert_stats_equal_a_recomputation()


def test_killed_between_writing_and_saving_its_place_it_does_the_step_again(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(stage, stores)
    start(stage, follower)
    correct(stage, LONG)
    with monkeypatch.context() as dying, open_catalog_feed(stage.database, FOLLOWER) as feed:
        dying.setattr(feed, "save", raising(StoreUnavailable("mongodb", "killed here")))
        with pytest.raises(StoreUnavailable):
            follower.step(feed)
    stage.database.user_stats.update_one({"_id": "ann"}, {"$set": {"stats.watch_time_hours": -1.0, "read_at": None}})
    follow(stage, follower)
    stage.assert_stats_equal_a_recomputation()


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_without_a_saved_place_everybody_is_computed_again(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_follower, "CHUNK_USERS", 2)
    stage.live([f"user-{n}" for n in range(7)], 60, seed=40)
    refresh_user_stats(stage.sequences(), stores)
    for film in FILMS:
        correct(stage, film, 77)
    start(stage, follower)  # the first time
    stage.assert_stats_equal_a_recomputation()


def test_a_place_that_the_oplog_no_longer_reaches_is_forgotten_and_everybody_is_computed_again(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower
) -> None:
    settle(stage, stores)
    correct(stage, LONG)
    nowhere = {"_data": "82000000010000000129295A1004" + "0" * 32 + "46645F6964006400000000000000000000000004"}
    stage.database.micro_batch_places.insert_one({"_id": FOLLOWER, "token": nowhere})
    with pytest.raises(StoreUnavailable), open_catalog_feed(stage.database, FOLLOWER):
        pass
    start(stage, follower)
    stage.assert_stats_equal_a_recomputation()


def test_a_result_with_the_older_catalog_never_replaces_one_with_the_newer(stage: Stage) -> None:
    view = UserStatsView(stage.database)
    for sequence, read_at in ((3, None), (3, 20), (3, 10), (3, None), (2, 90), (4, 5), (4, 4)):
        moment = None if read_at is None else Timestamp(read_at, 1)
        stats = {"of": [sequence, read_at]}
        view.write([UserStats("ann", stats, 0, sequence, datetime.now(UTC), moment)])
        if (sequence, read_at) == (3, None):
            continue
        document = stage.database.user_stats.find_one({"_id": "ann"})
        assert document is not None
        assert document["stats"]["of"] == ([4, 5] if sequence == 4 else [3, 20])


def test_a_list_that_is_read_after_a_correction_says_so(stage: Stage) -> None:
    lists = StoredLists(stage.client, stage.settings.mongodb_database)
    stage.change("ann", AddFilm(LONG))
    (before,) = lists.read(["ann"])
    correct(stage, LONG)
    (after,) = lists.read(["ann"])
    assert before.read_at is not None
    assert after.read_at is not None
    assert before.read_at < after.read_at


def test_while_mongodb_is_away_it_waits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_follower, "RETRY_SECONDS", 0.01)
    nowhere = {"mongodb_url": f"mongodb://127.0.0.1:{free_port()}", "mongodb_timeout_seconds": 0.05}
    stop = Rounds(3)
    with connect(settings.model_copy(update=nowhere)) as client:
        stores = UserStatsStores.of(client, settings.mongodb_database)
        CatalogFollower(client[settings.mongodb_database], stores).run(stop)
    assert stop.rounds == 3


def test_a_catalog_that_was_dropped_and_made_again_is_followed_anew(
    stage: Stage, stores: UserStatsStores, follower: CatalogFollower
) -> None:
    settle(stage, stores)
    start(stage, follower)
    stage.database.catalog.drop()
    ensure_schema(stage.database)
    CatalogWriter(stage.database).put([replace(film, runtime_minutes=11) for film in FILMS])
    with pytest.raises(StoreUnavailable):
        follow_for_ever(stage, follower)
    start(stage, follower)
    stage.assert_stats_equal_a_recomputation()


def test_the_place_in_a_catalog_that_nobody_changes_is_saved_now_and_then(
    stage: Stage, stores: UserStatsStores
) -> None:
    now = [0.0]
    follower = CatalogFollower(stage.database, stores, lambda: now[0])
    places = stage.database.micro_batch_places
    now[0] += SAVE_SECONDS
    follow(stage, follower)
    before = places.find_one({"_id": FOLLOWER})
    assert before is not None
    stage.change("ann", AddFilm(LONG))  # the oplog goes on
    follow(stage, follower)
    assert places.find_one({"_id": FOLLOWER}) == before
    now[0] += SAVE_SECONDS
    follow(stage, follower)
    assert places.find_one({"_id": FOLLOWER}) != before
