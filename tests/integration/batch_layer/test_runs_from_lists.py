"""`--from-lists` on real servers: users' lists say what their first events made, when nobody has these any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import pytest

from batch_layer.lists import list_row
from batch_layer.state import read_watchlist
from cinematch.adapters.mongodb_client import SyncClient, SyncDatabase
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_list_pages import ListPages
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.contracts.collections import OUTBOX, USER_SEQUENCES, USER_STATS_BATCH
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.events import Event
from cinematch.domain.watchlist import replay
from cinematch.settings import Settings
from tests.batches import BatchLayer, canonical, expected, expected_lists
from tests.histories import film
from tests.lakes import store_events
from tests.oracle.random_log import random_catalog

pytestmark = pytest.mark.integration

FILMS = random_catalog(Random(3), 40)
OLD = [f"old-{n}" for n in range(6)]
RECENT = [f"recent-{n}" for n in range(4)]
STRANGE = ["$where", "A", "a", "a.b", "z" * 128, "Ünïcode {}", "\ue000", "\U0001f3a5"]
GONE = 3
"""So many events of each old user are neither in the lake nor in the outbox."""
CHANGES = 150
"""While lists are read."""


@dataclass
class Lists:
    """Lists in MongoDB, changed as ingestion changes them, and every event that this made."""

    database: SyncDatabase
    logs: dict[str, list[Event]] = field(default_factory=dict)
    random: Random = field(default_factory=lambda: Random(5))

    def __post_init__(self) -> None:
        ensure_schema(self.database)
        self._watchlists, self._outbox = Watchlists(self.database), Outbox(self.database)

    def change(self, user_id: str, changes: int) -> list[Event]:
        """Let a user add, rate and remove films; give the events."""
        return self.apply(user_id, [self._any() for _ in range(changes)])

    def apply(self, user_id: str, changes: Sequence[AddFilm | RemoveFilm]) -> list[Event]:
        """Carry out these changes, and give the events."""
        known = self.logs.setdefault(user_id, [])
        self._watchlists.apply_many(user_id, changes)
        events = self._outbox.events_after(user_id, known[-1].sequence if known else 0)
        known += events
        return events

    def lose_first(self, user_id: str) -> None:
        """Let the outbox forget the first events of a user, which leave the lake without them."""
        gone = {"user_id": user_id, "sequence": {"$lte": GONE}}
        assert self.database[OUTBOX].delete_many(gone).deleted_count == GONE

    def _any(self) -> AddFilm | RemoveFilm:
        chosen = self.random.choice(list(FILMS.values()))
        if self.random.random() < 0.3:
            return RemoveFilm(chosen.movie_id)
        return AddFilm(chosen, self.random.choice((None, 0.5, 7.0, 9.5)))


@pytest.fixture
def lists(client: SyncClient, batch_settings: Settings) -> Lists:
    return Lists(client[batch_settings.mongodb_database])


@pytest.fixture
def pages(client: SyncClient, batch_settings: Settings) -> ListPages:
    return ListPages(client, batch_settings.mongodb_database)


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[threading.Thread]:
    """Do it in a thread that ends before the block is left."""
    failed: list[Exception] = []

    def tell() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test has failed
            failed.append(error)

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()
    assert failed == []


def lake_has(layer: BatchLayer, events: Sequence[Event]) -> None:
    """Append to two partitions, each user's events in one of them."""
    for partition in (0, 1):
        part = [event for event in events if len(event.user_id) % 2 == partition]
        if part:
            store_events(layer.settings, part, partition)


def check_published(layer: BatchLayer, number: int, logs: dict[str, list[Event]]) -> None:
    assert layer.published() == expected(logs, FILMS)
    assert layer.lists(number) == expected_lists(logs)


@pytest.mark.parametrize("size", [1, 3, 200])
def test_pages_hold_everybody_once(lists: Lists, pages: ListPages, size: int) -> None:
    for user_id in STRANGE:
        lists.apply(user_id, [AddFilm(FILMS["m1"], 7.0)])
    assert len(pages.pages(size)) == -(-len(STRANGE) // size)
    found = [stored.user_id for page in pages.pages(size) for stored in pages.read(page)]
    assert sorted(found) == sorted(STRANGE)


def test_without_users_there_is_no_page(pages: ListPages) -> None:
    assert pages.pages() == []


def test_an_erased_user_is_in_no_page_and_one_who_came_back_is(lists: Lists, pages: ListPages) -> None:
    for user_id in ("gone", "back", "stays"):
        lists.apply(user_id, [AddFilm(FILMS["m1"], 7.0)])
    before = pages.pages(1)
    for user_id in ("gone", "back"):
        lists.apply(user_id, [RemoveFilm("m1")])
        assert Erasures(lists.database).bury(user_id)
    lists.apply("back", [AddFilm(FILMS["m2"], 8.0)])
    for found in (before, pages.pages()):
        read = {it.user_id: (it.sequence, len(it.movies)) for page in found for it in pages.read(page)}
        assert read == {"back": (3, 1), "stays": (1, 1)}


def test_whatever_is_written_meanwhile_a_list_is_what_its_events_made(lists: Lists, pages: ListPages) -> None:
    """Law: the state after a page was read is the replay of each user's first `sequence` events."""
    users = [*OLD, *RECENT]

    def change() -> None:
        for number in range(CHANGES):
            lists.change(users[number % len(users)], 3)

    read = []
    with meanwhile(change) as changing:
        while changing.is_alive():
            read += [list_row(found) for page in pages.pages(3) for found in pages.read(page)]
    read += [list_row(found) for page in pages.pages(3) for found in pages.read(page)]
    for row in read:
        log = lists.logs[row["user_id"]]
        assert read_watchlist(row) == replay(log[: row["sequence"]])
    assert {row["user_id"]: row["sequence"] for row in read} == {user: len(log) for user, log in lists.logs.items()}


@pytest.mark.spark
class TestRun:
    """An installation that had no lake in its first year."""

    @pytest.fixture
    def migrated(self, batch_layer: BatchLayer, lists: Lists) -> Lists:
        """The old users' first events are gone; a recent user's last event is not in the lake yet."""
        batch_layer.catalog(FILMS.values())
        for user_id in (*OLD, *RECENT, *STRANGE, "erased"):
            lists.change(user_id, 20)
        lists.apply("erased", [RemoveFilm(movie_id) for movie_id in FILMS])
        assert Erasures(lists.database).bury("erased")
        lists.apply("emptied", [AddFilm(FILMS["m1"], 7.0), RemoveFilm("m1")])
        lists.apply("power", [AddFilm(film(f"x{n}"), n % 20 / 2 + 0.5) for n in range(2_500)])
        lake = [event for log in lists.logs.values() for event in log]
        for user_id in (*OLD, "power"):
            lists.lose_first(user_id)
            lake = [event for event in lake if event.user_id != user_id or event.sequence > GONE]
        lake.remove(lists.logs["recent-0"][-1])
        lake_has(batch_layer, lake)
        return lists

    def test_it_counts_what_is_nowhere_any_more_and_later_runs_go_on(
        self, batch_layer: BatchLayer, migrated: Lists
    ) -> None:
        late = migrated.logs["recent-0"][-1]
        logs = migrated.logs
        del logs["erased"]

        ordinary = batch_layer.run()
        assert ordinary.waiting_users == len(OLD) + 1
        assert ordinary.sent_again == 0
        boundaries = batch_layer.stores.generations.boundaries(ordinary.number, [*OLD, "power"])
        assert set(boundaries.values()) == {0}

        generation = batch_layer.run(from_lists=True)
        check_published(batch_layer, generation.number, logs)
        assert (generation.from_lists, generation.base, generation.waiting_users) == (True, None, 0)
        assert generation.users == len(logs)

        events = [event for user_id in (*OLD, "power", "new") for event in migrated.change(user_id, 10)]
        lake_has(batch_layer, [late, *events[::2]])
        assert batch_layer.run().waiting_users > 0
        lake_has(batch_layer, events[1::2])
        incremental = batch_layer.run()
        check_published(batch_layer, incremental.number, logs)
        assert incremental.waiting_users == 0

    def test_events_that_happen_while_it_runs_are_counted_once(self, batch_layer: BatchLayer, migrated: Lists) -> None:
        """Each document is the replay of some first events, and the next run brings the others."""
        users, over = [*OLD, *RECENT], threading.Event()
        lake_has(batch_layer, [migrated.logs["recent-0"][-1]])

        def change() -> None:
            number = 0
            while not over.is_set():
                lake_has(batch_layer, migrated.change(users[number % len(users)], 2))
                number += 1

        with meanwhile(change):
            try:
                generation = batch_layer.run(from_lists=True)
            finally:
                over.set()
        logs = {user: log for user, log in migrated.logs.items() if user != "erased"}
        documents = {document["_id"]: document for document in batch_layer.database[USER_STATS_BATCH].find()}
        reached = {user: log[: documents[user]["as_of_sequence"]] for user, log in logs.items()}
        assert {user: canonical(document) for user, document in documents.items()} == expected(reached, FILMS)
        assert generation.waiting_users == 0

        following = batch_layer.run()
        assert following.base == generation.number
        check_published(batch_layer, following.number, logs)
        counters = batch_layer.database[USER_SEQUENCES].find()
        assert {it["_id"]: it["sequence"] for it in counters} == {user: len(log) for user, log in logs.items()}
