"""User statistics on a real MongoDB: one state for list and sequence, and never an older result over a newer one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_user_stats import StoredLists, UserStats, UserStatsView
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.watchlist import Film
from micro_batch import user_stats
from micro_batch.user_stats import UserStatsStores, refresh_user_stats
from tests.micro_batch_stage import FILMS, UNKNOWN, Stage

pytestmark = pytest.mark.integration


class CountedCatalog(Catalog):
    """The real catalog, which remembers how often it was asked."""

    look_ups = 0

    def films_by_id(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        self.look_ups += 1
        return super().films_by_id(movie_ids)


@pytest.fixture
def stores(stage: Stage) -> UserStatsStores:
    lists = StoredLists(stage.client, stage.settings.mongodb_database)
    return UserStatsStores(lists, CountedCatalog(stage.database), UserStatsView(stage.database))


def test_every_user_equals_a_recomputation_with_one_look_up_of_films(stage: Stage, stores: UserStatsStores) -> None:
    stage.live([f"user-{n}" for n in range(9)], 250, seed=1)
    assert refresh_user_stats(stage.sequences(), stores) == {}
    stage.assert_stats_equal_a_recomputation()
    assert isinstance(stores.catalog, CountedCatalog)
    assert stores.catalog.look_ups == 1


def test_small_chunks_give_the_same(stage: Stage, stores: UserStatsStores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_stats, "CHUNK_USERS", 4)
    monkeypatch.setattr(user_stats, "CHUNK_FILMS", 3)
    stage.live([f"user-{n}" for n in range(11)], 120, seed=2)
    assert refresh_user_stats(stage.sequences(), stores) == {}
    stage.assert_stats_equal_a_recomputation()


def test_a_user_with_an_emptied_list_keeps_a_document_with_zeros(stage: Stage, stores: UserStatsStores) -> None:
    stage.change("ann", AddFilm(FILMS[0], 9.0), RemoveFilm(FILMS[0].movie_id))
    refresh_user_stats({"ann": 2}, stores)
    document = stage.database.user_stats.find_one({"_id": "ann"})
    assert document is not None
    assert (document["sequence"], document["stats"]["total_watched"], document["stats"]["avg_rating"]) == (2, 0, None)


def test_a_result_of_a_lower_sequence_never_replaces_a_higher_one(stage: Stage) -> None:
    view = UserStatsView(stage.database)
    now = datetime.now(UTC)
    for sequence in (3, 5, 4, 1):
        view.write([UserStats("ann", {"total_watched": sequence}, 0, sequence, now)])
    document = stage.database.user_stats.find_one({"_id": "ann"})
    assert document is not None
    assert (document["sequence"], document["stats"]) == (5, {"total_watched": 5})


def test_names_with_dots_and_dollars_survive_in_statistics(stage: Stage, stores: UserStatsStores) -> None:
    for user_id in ("a.b", "$set", "Ünïcode {}"):
        stage.change(user_id, *(AddFilm(film, 8.0) for film in (*FILMS, UNKNOWN)))
    film = Film("m.$", "x", directors=("J.J. $Abrams", "$where", "a.b.c", "$$ROOT"), actors=("$literal",))
    stage.database.catalog.update_one({"_id": "a.b"}, {"$set": {"directors": film.directors, "actors": film.actors}})
    stage.database.catalog.update_one({"_id": "$m"}, {"$set": {"directors": film.directors}})
    refresh_user_stats(stage.sequences(), stores)
    stage.assert_stats_equal_a_recomputation()
    document = stage.database.user_stats.find_one({"_id": "$set"})
    assert document is not None
    assert set(film.directors) <= set(document["stats"]["best_rated_directors"])


def test_an_event_that_mongodb_does_not_know_is_waited_for_and_reported(stage: Stage, stores: UserStatsStores) -> None:
    pauses: list[float] = []
    stage.change("ann", AddFilm(FILMS[0]))
    assert refresh_user_stats({"ann": 7, "ghost": 1}, stores, pauses.append) == {"ann": 1, "ghost": 0}
    assert pauses == list(user_stats.PAUSES_SECONDS)
    assert [user["_id"] for user in stage.database.user_stats.find()] == ["ann"]


def test_an_event_that_becomes_visible_meanwhile_is_in_the_result(stage: Stage, stores: UserStatsStores) -> None:
    stage.change("ann", AddFilm(FILMS[0]))

    def add_while_waiting(pause: float) -> None:
        if pause:
            stage.change("ann", AddFilm(FILMS[1]))

    assert refresh_user_stats({"ann": 2}, stores, add_while_waiting) == {}
    stage.assert_stats_equal_a_recomputation()


class ChangesAfterTheFirstRead(CommandListener):
    """Changes a list between a reader's first read and its second."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change: Callable[[], object] | None = change

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing to do yet."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        change, self._change = self._change, None
        if change is not None:
            change()

    def failed(self, event: CommandFailedEvent) -> None:
        raise AssertionError(event.failure)


def test_list_and_sequence_are_of_one_state_while_the_list_changes(stage: Stage) -> None:
    stage.change("ann", AddFilm(FILMS[0]))
    listener = ChangesAfterTheFirstRead(lambda: stage.change("ann", AddFilm(FILMS[1])))
    with MongoClient[dict[str, Any]](stage.settings.mongodb_url, tz_aware=True, event_listeners=[listener]) as client:
        (found,) = StoredLists(client, stage.settings.mongodb_database).read(["ann"])
    assert (found.sequence, len(found.movies)) == (1, 1)
    assert stage.sequences() == {"ann": 2}


def test_the_prefetched_map_is_completed_from_the_catalog(stage: Stage) -> None:
    stage.change("ann", AddFilm(FILMS[0], 8.0), AddFilm(FILMS[2], 6.0))
    movies = list(stage.database.movies.find({"user_id": "ann"}))
    prefetched: Mapping[str, Film] = {FILMS[0].movie_id: FILMS[0]}
    assert user_stats.compute_user_stats(movies, Catalog(stage.database), prefetched) == stage.expected_stats("ann")
