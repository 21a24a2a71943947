"""What only a real MongoDB shows of publishing: readers that never find a gap, a crash after the commit point."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import MongoClient

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_generations import MongoGenerations, encode
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.collections import BATCH_GENERATIONS, USER_STATS_BATCH
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 1, tzinfo=UTC)
USERS = 200


@pytest.fixture
def client(mongo_server: MongoServer, settings: Settings) -> Iterator[MongoClient[dict[str, Any]]]:
    with mongodb_client.connect(settings) as client:
        yield client


def generation_of_all(generations: MongoGenerations) -> int:
    number = generations.create("host/1/x", NOW, None, None).number
    documents = [{"_id": f"user-{n}", "generation": number, "as_of_sequence": 1} for n in range(USERS)]
    generations.write_encoded(number, [encode(document) for document in documents], [])
    return number


def test_readers_never_find_the_view_empty_or_mixed(client: MongoClient[dict[str, Any]], settings: Settings) -> None:
    database = client[settings.mongodb_database]
    generations = MongoGenerations(database)
    numbers = [generation_of_all(generations) for _ in range(2)]
    generations.publish(numbers[0], NOW)
    over, faults, reads = threading.Event(), [], [0]

    def read() -> None:
        while not over.is_set():
            found = list(database[USER_STATS_BATCH].find({}, {"generation": 1}))
            reads[0] += 1
            if len(found) != USERS or len({document["generation"] for document in found}) != 1:
                faults.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for flip in range(60):
        generations.publish(numbers[(flip + 1) % 2], NOW)
    over.set()
    for reader in readers:
        reader.join()
    assert reads[0] > 20
    assert not faults


def test_a_reader_uses_the_index_behind_the_view(client: MongoClient[dict[str, Any]], settings: Settings) -> None:
    database = client[settings.mongodb_database]
    generations = MongoGenerations(database)
    generations.publish(generation_of_all(generations), NOW)
    plan = database[USER_STATS_BATCH].find({"_id": "user-7"}).explain()
    assert "COLLSCAN" not in str(plan)


def test_the_view_decides_what_is_published_when_the_records_were_not_told(
    client: MongoClient[dict[str, Any]], settings: Settings
) -> None:
    database = client[settings.mongodb_database]
    generations = MongoGenerations(database)
    first, second = generation_of_all(generations), generation_of_all(generations)
    generations.publish(first, NOW)
    database[BATCH_GENERATIONS].update_one({"_id": second}, {"$set": {"state": "ready"}})
    database.command("collMod", USER_STATS_BATCH, viewOn=f"user_stats_batch_g{second:06d}", pipeline=[])  # and crashed
    published = generations.published()
    assert published is not None
    assert published.number == second


class TestLease:
    @pytest.fixture
    def leases(self, client: MongoClient[dict[str, Any]], settings: Settings) -> tuple[MongoLease, MongoLease]:
        database = client[settings.mongodb_database]
        return MongoLease(database, "work", "one", 30.0), MongoLease(database, "work", "two", 30.0)

    def test_only_one_owner_holds_it(self, leases: tuple[MongoLease, MongoLease]) -> None:
        one, two = leases
        assert (one.acquire(), two.acquire(), one.acquire(), two.renew()) == (True, False, True, False)
        assert two.holder() == "one"

    def test_it_passes_on_when_it_is_released(self, leases: tuple[MongoLease, MongoLease]) -> None:
        one, two = leases
        one.acquire()
        two.release()  # not theirs to give
        assert not two.acquire()
        one.release()
        assert (two.holder(), two.acquire(), one.renew()) == (None, True, False)

    def test_it_runs_out_unless_it_is_renewed(self, leases: tuple[MongoLease, MongoLease]) -> None:
        one, two = leases
        one.duration_seconds = 0.05
        one.acquire()
        one.duration_seconds = 30.0
        assert one.renew()
        time.sleep(0.1)
        assert not two.acquire()
        one.duration_seconds = -1.0
        assert one.renew()
        assert (two.holder(), two.acquire(), one.renew()) == (None, True, False)

    def test_who_held_it_last_is_told_until_it_is_given_back(
        self, client: MongoClient[dict[str, Any]], settings: Settings
    ) -> None:
        database = client[settings.mongodb_database]
        long, short = (MongoLease(database, "work", "one", seconds) for seconds in (60.0, 0.05))
        assert long.last_holding() is None
        long.acquire()
        assert self.told(long) == ("one", True)
        short.renew()
        time.sleep(0.1)
        assert self.told(long) == ("one", False)
        long.release()
        assert long.last_holding() is None

    def told(self, lease: MongoLease) -> tuple[str, bool]:
        holding = lease.last_holding()
        assert holding is not None
        assert abs(datetime.now(UTC) - holding.renewed_at).total_seconds() < 60
        return holding.owner, holding.is_held

    def test_of_many_at_once_one_gets_it(self, client: MongoClient[dict[str, Any]], settings: Settings) -> None:
        database = client[settings.mongodb_database]
        taken: list[str] = []
        start = threading.Barrier(8)

        def compete(name: str) -> None:
            lease = MongoLease(database, "first", name, 30)
            start.wait()
            if lease.acquire():
                taken.append(name)

        rivals = [threading.Thread(target=compete, args=(f"rival {n}",)) for n in range(8)]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        assert len(taken) == 1


def test_a_silent_server_is_our_error(settings: Settings) -> None:
    silent = settings.model_copy(update={"mongodb_url": "mongodb://127.0.0.1:1", "mongodb_timeout_seconds": 0.2})
    with mongodb_client.connect(silent) as client:
        database = client["nowhere"]
        with pytest.raises(StoreUnavailable):
            MongoGenerations(database).published()
        with pytest.raises(StoreUnavailable):
            MongoLease(database, "work", "one", 1).acquire()
