"""The cache of catalog entries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from cinematch.domain.watchlist import Film
from serving_layer import films as films_module
from serving_layer.films import FILM_SECONDS, FilmCache, may_have_changed
from tests.histories import film
from tests.strategies import EPOCH
from tests.twins.memory_stats import MemoryStats


class CountedStats(MemoryStats):
    """Remembers what was asked for."""

    def __init__(self, catalog: dict[str, Film]) -> None:
        super().__init__(catalog=catalog)
        self.asked: list[list[str]] = []

    async def films(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        self.asked.append(list(movie_ids))
        return await super().films(movie_ids)


@pytest.fixture
def store() -> CountedStats:
    return CountedStats({f"m{n}": film(f"m{n}") for n in range(5)})


async def test_only_what_is_not_kept_is_asked_for(store: CountedStats) -> None:
    cache = FilmCache(store)
    await cache.get(["m0", "m1"])
    assert await cache.get(["m1", "m2"]) == {"m1": film("m1"), "m2": film("m2")}
    assert await cache.get(["m0", "m1", "m2"]) == {f"m{n}": film(f"m{n}") for n in range(3)}
    assert store.asked == [["m0", "m1"], ["m2"]]


async def test_an_entry_is_asked_for_again_after_its_time(store: CountedStats) -> None:
    now = EPOCH
    cache = FilmCache(store, lambda: now)
    await cache.get(["m0"])
    store.catalog["m0"] = film("m0", runtime_minutes=90)
    now += timedelta(seconds=FILM_SECONDS)
    assert (await cache.get(["m0"]))["m0"].runtime_minutes == 90


async def test_what_is_too_old_is_asked_for_along_with_what_is_missed(
    store: CountedStats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films_module, "REFRESHED", 2)
    now = EPOCH
    cache = FilmCache(store, lambda: now)
    await cache.get([f"m{n}" for n in range(5)])
    now += timedelta(seconds=FILM_SECONDS)
    assert await cache.get(["m4"]) == {"m4": film("m4")}
    assert await cache.get(["m0", "m1"]) == {"m0": film("m0"), "m1": film("m1")}
    assert await cache.get(["m2"]) == {"m2": film("m2")}
    assert store.asked[1:] == [["m0", "m1", "m4"], ["m2", "m3"]]


async def test_a_film_that_the_catalog_lost_is_not_asked_for_along_with_others_for_ever(store: CountedStats) -> None:
    now = EPOCH
    cache = FilmCache(store, lambda: now)
    await cache.get(["m0", "m1"])
    del store.catalog["m0"]
    for _ in range(2):
        now += timedelta(seconds=FILM_SECONDS)
        assert await cache.get(["m1"]) == {"m1": film("m1")}
    assert store.asked[1:] == [["m0", "m1"], ["m1"]]
    assert await cache.get(["m0"]) == {}


async def test_what_nobody_has_used_since_it_was_read_along_is_forgotten(store: CountedStats) -> None:
    now = EPOCH
    cache = FilmCache(store, lambda: now)
    await cache.get(["m0", "m1", "m2"])
    for _ in range(2):
        now += timedelta(seconds=FILM_SECONDS)
        await cache.get(["m1"])
    assert store.asked[1:] == [["m0", "m1", "m2"], ["m1"]]


async def test_nothing_is_read_along_while_a_batch_is_so_new_that_it_would_not_help(store: CountedStats) -> None:
    cache = FilmCache(store, lambda: EPOCH)
    await cache.get(["m0", "m1"])
    await cache.get(["m0"], since=EPOCH)
    await cache.get(["m1"], since=EPOCH)
    assert store.asked[1:] == [["m0"], ["m1"]]


async def test_an_entry_from_before_a_batch_began_is_asked_for_again(store: CountedStats) -> None:
    now = EPOCH
    cache = FilmCache(store, lambda: now)
    await cache.get(["m0"], since=EPOCH - timedelta(hours=1))
    await cache.get(["m0"], since=EPOCH - timedelta(minutes=2))
    assert len(store.asked) == 1
    await cache.get(["m0"], since=EPOCH)
    assert len(store.asked) == 2


def test_an_entry_refreshed_since_a_batch_began_may_be_another_one() -> None:
    refreshed, never = film("m0", changed_at=EPOCH), film("m1")
    assert may_have_changed([never, refreshed], EPOCH)
    assert not may_have_changed([never, refreshed], EPOCH + timedelta(hours=1))
    assert not may_have_changed([never], EPOCH)
    assert not may_have_changed([refreshed], None)


async def test_films_that_the_catalog_lacks_are_asked_for_each_time(store: CountedStats) -> None:
    cache = FilmCache(store)
    assert await cache.get(["new"]) == {}
    store.catalog["new"] = film("new")
    assert await cache.get(["new"]) == {"new": film("new")}


async def test_the_cache_has_a_limit(store: CountedStats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films_module, "FILMS_KEPT", 2)
    cache = FilmCache(store)
    await cache.get(["m0"])
    await cache.get(["m1", "m2"])
    await cache.get(["m0", "m1", "m2"])
    assert store.asked[-1] == ["m0"]
