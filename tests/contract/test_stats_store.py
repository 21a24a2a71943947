"""The rules of `StatsStore`: one suite for the twin in memory and for MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.contracts import collections
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.catalog_document import catalog_document
from cinematch.contracts.generations import Generations, list_chunks
from cinematch.contracts.stored_stats import Stored
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from cinematch.settings import Settings
from serving_layer.stores import StatsStore
from tests.histories import add, film
from tests.twins.memory_stats import MemoryStats

NOW = datetime(2026, 1, 20, 3, 4, 5, 678_000, tzinfo=UTC)
FILMS = {f"m{n}": film(f"m{n}", directors=("J.J. $Abrams",), genres=("Sci.Fi",)) for n in range(3)}
LOG = [add(n + 1, f"m{n}", 7.5, genres=("Sci.Fi",)) for n in range(3)]
LIST = replay(LOG)


@dataclass
class Prepared:
    """A store, and the means by which other layers fill it."""

    store: StatsStore
    generations: Generations
    issue: Callable[[str, int], object]
    write_view: Callable[[dict[str, Any]], object]
    add_film: Callable[[Film], object]
    repairs: Callable[[], set[str]]


@pytest.fixture(params=["memory", "mongodb"])
async def prepared(request: pytest.FixtureRequest) -> AsyncIterator[Prepared]:
    """Every implementation."""
    if request.param == "memory":
        yield in_memory()
        return
    request.getfixturevalue("mongo_server")
    settings: Settings = request.getfixturevalue("settings")
    async with mongodb_client.connect_async(settings) as client:
        with mongodb_client.connect(settings) as sync_client:
            database = sync_client[settings.mongodb_database]
            yield in_mongodb(database, MongoStats(client[settings.mongodb_database]))


def in_memory() -> Prepared:
    store = MemoryStats()
    return Prepared(
        store=store,
        generations=store.generations,
        issue=store.sequences.__setitem__,
        write_view=lambda document: store.views.__setitem__(document["user_id"], document),
        add_film=lambda film: store.catalog.__setitem__(film.movie_id, film),
        repairs=lambda: store.repairs,
    )


def in_mongodb(database: SyncDatabase, store: StatsStore) -> Prepared:
    def issue(user_id: str, sequence: int) -> None:
        database[collections.USER_SEQUENCES].replace_one({"_id": user_id}, {"sequence": sequence}, upsert=True)

    return Prepared(
        store=store,
        generations=MongoGenerations(database),
        issue=issue,
        write_view=lambda document: database[collections.USER_STATS].insert_one({"_id": "user", **document}),
        add_film=lambda film: database[collections.CATALOG].insert_one(catalog_document(film)),
        repairs=lambda: {request["_id"] for request in database[collections.SPEED_REPAIRS].find()},
    )


def publish(generations: Generations, user_id: str = "user") -> int:
    """Publish a generation with one user."""
    number = generations.create("test", NOW, None, None).number
    summary = summarise(LIST, FILMS)
    generations.write(number, [batch_document(user_id, summary, number, NOW)], list_chunks(user_id, LIST))
    generations.publish(number, NOW)
    return number


def view_document() -> dict[str, Any]:
    stats = statistics(summarise(LIST, FILMS))
    return {"user_id": "user", "stats": stats, "rating_tenths": 225, "sequence": 3, "last_updated": NOW}


async def test_a_user_without_any_event_has_nothing(prepared: Prepared) -> None:
    assert await prepared.store.user_stats("nobody") == Stored(None, 0)
    assert await prepared.store.batch_stats("nobody") == Stored(None, 0)
    assert await prepared.store.latest_sequence("nobody") == 0


async def test_a_user_may_be_known_before_any_view_is(prepared: Prepared) -> None:
    prepared.issue("user", 4)
    assert await prepared.store.user_stats("user") == Stored(None, 4)
    assert await prepared.store.batch_stats("user") == Stored(None, 4)
    assert await prepared.store.latest_sequence("user") == 4


async def test_the_micro_batch_document_comes_with_the_last_sequence(prepared: Prepared) -> None:
    prepared.issue("user", 5)
    prepared.write_view(view_document())
    stored = await prepared.store.user_stats("user")
    assert stored.latest_sequence == 5
    assert stored.document is not None
    assert {name: stored.document[name] for name in view_document()} == view_document()


async def test_the_batch_document_is_that_of_the_published_generation(prepared: Prepared) -> None:
    prepared.issue("user", 5)
    for _ in range(2):
        number = publish(prepared.generations)
        stored = await prepared.store.batch_stats("user")
        assert stored.document is not None
        assert (stored.document["generation"], stored.latest_sequence) == (number, 5)


async def test_a_user_whom_the_batch_does_not_know_has_no_batch_document(prepared: Prepared) -> None:
    publish(prepared.generations, "somebody else")
    prepared.issue("user", 1)
    assert await prepared.store.batch_stats("user") == Stored(None, 1)


async def test_users_who_are_read_at_once_get_each_their_own(prepared: Prepared) -> None:
    publish(prepared.generations)
    prepared.issue("user", 5)
    prepared.issue("newcomer", 1)
    users = ("user", "newcomer", "nobody", "user")
    known, new, nobody, again = await asyncio.gather(*map(prepared.store.batch_stats, users))
    assert known == again
    assert known.document is not None
    assert (known.document["_id"], known.latest_sequence) == ("user", 5)
    assert (new, nobody) == (Stored(None, 1), Stored(None, 0))


async def test_the_whole_list_is_that_of_the_generation_asked_for(prepared: Prepared) -> None:
    number = publish(prepared.generations)
    entries = await prepared.store.whole_list("user", number)
    assert {entry.movie_id: entry for entry in entries} == LIST.entries
    assert await prepared.store.whole_list("user", number + 1) == []
    assert await prepared.store.whole_list("nobody", number) == []


async def test_films_that_the_catalog_lacks_are_absent(prepared: Prepared) -> None:
    for each in FILMS.values():
        prepared.add_film(each)
    assert await prepared.store.films(["m0", "m2", "unknown"]) == {"m0": FILMS["m0"], "m2": FILMS["m2"]}


async def test_a_repair_may_be_asked_for_twice(prepared: Prepared) -> None:
    await prepared.store.request_repair("user")
    await prepared.store.request_repair("user")
    assert prepared.repairs() == {"user"}


async def test_there_are_no_trends_before_the_bootstrap(prepared: Prepared) -> None:
    assert await prepared.store.global_trends() is None
