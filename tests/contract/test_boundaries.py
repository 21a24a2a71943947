"""The rules of the boundaries that repairs go by: one suite for the twin in memory and for MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.contracts import collections
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.generations import Generations
from cinematch.contracts.speed_view import DueUser
from cinematch.domain.summary import Summary
from cinematch.settings import Settings
from tests.oracle.world import BoundaryStore
from tests.twins.memory_boundaries import MemoryBoundaries
from tests.twins.memory_stats import MemoryStats

NOW = datetime(2026, 1, 20, tzinfo=UTC)


@dataclass
class Prepared:
    """Boundaries, and the means by which other layers change them."""

    boundaries: BoundaryStore
    generations: Generations
    issue: Callable[[str, int], object]
    request_repair: Callable[[str], object]


@pytest.fixture(params=["memory", "mongodb"])
def prepared(request: pytest.FixtureRequest) -> Iterator[Prepared]:
    """Every implementation."""
    if request.param == "memory":
        stats = MemoryStats()
        yield Prepared(MemoryBoundaries(stats), stats.generations, stats.sequences.__setitem__, stats.repairs.add)
        return
    request.getfixturevalue("mongo_server")
    settings: Settings = request.getfixturevalue("settings")
    with mongodb_client.connect(settings) as client:
        database = client[settings.mongodb_database]
        counters, requests = database[collections.USER_SEQUENCES], database[collections.SPEED_REPAIRS]
        yield Prepared(
            boundaries=Boundaries(database),
            generations=MongoGenerations(database),
            issue=lambda user_id, sequence: counters.insert_one({"_id": user_id, "sequence": sequence}),
            request_repair=lambda user_id: requests.insert_one({"_id": user_id, "requested_at": NOW}),
        )


def publish(generations: Generations, boundaries: dict[str, int]) -> None:
    number = generations.create("test", NOW, None, None).number
    documents = [
        batch_document(user_id, Summary(sequence=sequence), number, NOW) for user_id, sequence in boundaries.items()
    ]
    generations.write(number, documents, [])
    generations.publish(number, NOW)


def test_before_any_batch_every_user_is_due_from_the_start(prepared: Prepared) -> None:
    prepared.issue("ann", 3)
    assert prepared.boundaries.due(["ann", "nobody"]) == [DueUser("ann", 0, 3)]


def test_only_users_with_events_after_the_published_boundary_are_due(prepared: Prepared) -> None:
    for user_id, issued in {"ann": 3, "bob": 5, "eve": 2}.items():
        prepared.issue(user_id, issued)
    publish(prepared.generations, {"ann": 3, "bob": 4})
    expected = [DueUser("bob", 4, 5), DueUser("eve", 0, 2)]
    assert sorted(prepared.boundaries.due(["ann", "bob", "eve"]), key=lambda user: user.user_id) == expected
    pages = [user for page in prepared.boundaries.due_pages() for user in page]
    assert sorted(pages, key=lambda user: user.user_id) == expected


def test_a_request_that_is_put_off_lets_the_others_go_first(prepared: Prepared) -> None:
    for user_id in ("ann", "bob", "eve"):
        prepared.request_repair(user_id)
    waiting = [request for request in prepared.boundaries.repair_requests() if request["_id"] != "eve"]
    prepared.boundaries.put_off_repair_requests(waiting)
    assert prepared.boundaries.repair_requests()[0]["_id"] == "eve"
    assert {request["_id"] for request in prepared.boundaries.repair_requests()} == {"ann", "bob", "eve"}


def test_a_request_stays_until_it_is_ended(prepared: Prepared) -> None:
    for user_id in ("ann", "bob"):
        prepared.request_repair(user_id)
    requests = prepared.boundaries.repair_requests()
    assert {request["_id"] for request in requests} == {"ann", "bob"}
    prepared.boundaries.end_repair_requests([request for request in requests if request["_id"] == "ann"])
    assert [request["_id"] for request in prepared.boundaries.repair_requests()] == ["bob"]
