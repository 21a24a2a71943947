"""The computation on the real lake, catalog and Spark: always what a replay of each user's log gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from batch_layer.job import BatchJobFailed
from cinematch.adapters import s3_objects
from cinematch.contracts.batch_document import DOCUMENT_VERSION
from cinematch.contracts.erasure import user_digest
from cinematch.contracts.event_codec import to_document
from cinematch.contracts.generations import CHUNK_ENTRIES, GenerationState
from cinematch.contracts.lake_paths import ObjectName
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from tests.batches import BatchLayer, expected, expected_lists
from tests.histories import add, delete, film
from tests.lakes import store_events
from tests.oracle.random_log import RandomLogs, random_catalog
from tests.strategies import EPOCH

pytestmark = [pytest.mark.integration, pytest.mark.spark]

Logs = dict[str, list[Event]]
FILMS = {f"m{n}": film(f"m{n}", directors=(f"D{n % 3}",), runtime_minutes=90 + n) for n in range(1, 9)}
USERS = [f"user-{n}" for n in range(8)]
CALENDAR = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1582, 10, 10, tzinfo=UTC),  # of the days that one of Parquet's two calendars leaves out
    datetime(1899, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
)


def some_logs(films: dict[str, Film], users: int = 12) -> Logs:
    """Logs of users with few and with many events; one list ends empty, one has the ends of the calendar."""
    random = RandomLogs(Random(7), films)
    for number in range(users):
        for _ in range(3 + 7 * number):
            random.next_event(f"user.{number}$")
    only = add(1, "m1", 8, "emptied")
    ends = [add(n, f"m{n}", 7, "ancient", watched_at=moment) for n, moment in enumerate(CALENDAR, start=1)]
    return dict(random.events) | {"emptied": [only, delete(2, only)], "ancient": ends}


def joined(logs: Logs) -> list[Event]:
    return [event for log in logs.values() for event in log]


def store_shuffled(layer: BatchLayer, events: Iterable[Event]) -> None:
    """Append to two partitions, each user's events in one of them, in an order that no producer would give."""
    parts: dict[int, list[Event]] = {0: [], 1: []}
    for event in events:
        parts[len(event.user_id) % 2].append(event)
    for partition, part in parts.items():
        Random(1).shuffle(part)
        if part:
            store_events(layer.settings, part, partition)


def check_published(layer: BatchLayer, number: int, logs: Logs, films: dict[str, Film]) -> None:
    assert layer.published() == expected(logs, films)
    assert layer.lists(number) == expected_lists(logs)


def test_every_user_gets_what_a_replay_of_their_log_gives(batch_layer: BatchLayer) -> None:
    films = random_catalog(Random(3), 40)
    logs = some_logs(films)
    batch_layer.catalog(films.values())
    events = joined(logs)
    store_shuffled(batch_layer, events)
    store_shuffled(batch_layer, events[::3])  # published twice

    generation = batch_layer.run()

    check_published(batch_layer, generation.number, logs, films)
    assert generation.is_published
    assert (generation.users, generation.events) == (len(logs), len(events))
    assert generation.first_event_time == min(event.event_time for event in events)
    assert generation.last_event_time == max(event.event_time for event in events)


def test_incremental_runs_equal_a_full_one_whatever_comes_late(batch_layer: BatchLayer) -> None:
    """All events happened long before the window of 30 days: only the remembered offsets lead to them."""
    films = random_catalog(Random(4), 40)
    logs = some_logs(films)
    batch_layer.catalog(films.values())
    events = joined(logs)
    early, late = events[::2], events[1::2]
    store_shuffled(batch_layer, early)  # every user's log has holes
    assert batch_layer.run().events < len(events) / 2
    store_shuffled(batch_layer, [*late[:40], *early[:5]])
    films["m1"] = replace(films["m1"], directors=("Somebody Else",), runtime_minutes=1, poster_path="/new.svg")
    batch_layer.catalog([films["m1"]])
    assert batch_layer.run().base == 1
    store_shuffled(batch_layer, late[40:])
    incremental = batch_layer.run()
    check_published(batch_layer, incremental.number, logs, films)
    documents, lists = batch_layer.published(), batch_layer.lists(incremental.number)

    full = batch_layer.run(full=True)

    assert (full.base, full.events) == (None, len(events))
    assert batch_layer.published() == documents
    assert batch_layer.lists(full.number) == lists
    assert full.resume_offsets == incremental.resume_offsets


@pytest.mark.parametrize("full", [False, True])
def test_an_erased_user_is_in_no_later_generation_and_begins_anew_behind_the_floor(
    batch_layer: BatchLayer, full: bool
) -> None:
    """In each way of a run: carried over, folded, and from everything; the lake may have lost the rows or not yet."""
    batch_layer.catalog(FILMS.values())
    users = ("gone", "back", "stays", "other", "another")
    store_events(batch_layer.settings, [add(n, f"m{n}", 7, user) for user in users for n in (1, 2)])
    batch_layer.run()
    erased_at = datetime.now(UTC)
    tombstones = [
        {"_id": user_digest(user), "floor": floor, "erased_at": erased_at} for user, floor in (("gone", 2), ("back", 4))
    ]
    batch_layer.database["erasures"].insert_many(tombstones)
    late = [add(n, f"m{n}", 7, "back") for n in (3, 4)]  # of before the erasure, and late
    store_events(batch_layer.settings, [*late, add(5, "m5", 9, "back")])

    generation = batch_layer.run(full=full)

    logs = {user: [add(n, f"m{n}", 7, user) for n in (1, 2)] for user in users[2:]}
    published = batch_layer.published()
    assert sorted(published) == ["another", "back", "other", "stays"]
    assert {user: published[user] for user in logs} == expected(logs, FILMS)
    returned = batch_layer.database["user_stats_batch"].find_one({"_id": "back"})
    assert returned is not None
    assert (returned["as_of_sequence"], returned["stats"]["total_watched"]) == (5, 1)
    assert generation.users == 4
    store_events(batch_layer.settings, [add(6, "m6", 8, "back")])
    batch_layer.run()
    incremental = batch_layer.published()
    batch_layer.run(full=True)
    assert batch_layer.published() == incremental


class TestCarryingOver:
    """Nights on which few users have new events, and the catalog changes."""

    @pytest.fixture
    def logs(self, batch_layer: BatchLayer) -> Logs:
        """Every user has a film of their own and one that all but the first have; the first night is over."""
        batch_layer.catalog(FILMS.values())
        logs = {user: [add(1, f"m{n + 1}", 7, user), add(2, "m8", 5, user)] for n, user in enumerate(USERS)}
        logs["user-0"].pop()
        store_events(batch_layer.settings, joined(logs))
        batch_layer.run()
        return logs

    def mark(self, layer: BatchLayer) -> None:
        """Let the published documents be told from newly made ones."""
        layer.database["user_stats_batch_g000001"].update_many({}, {"$set": {"marked": True}})

    def marked(self, layer: BatchLayer) -> set[str]:
        return {document["_id"] for document in layer.database["user_stats_batch"].find({"marked": True})}

    def happen(self, layer: BatchLayer, logs: Logs, *events: Event) -> None:
        for event in events:
            logs.setdefault(event.user_id, []).append(event)
        store_events(layer.settings, events)

    def test_only_whom_an_event_or_a_film_concerns_is_described_anew(self, batch_layer: BatchLayer, logs: Logs) -> None:
        self.mark(batch_layer)
        self.happen(batch_layer, logs, add(3, "m5", 9, "user-1"))
        films = FILMS | {"m3": replace(FILMS["m3"], poster_path="/new.svg")}  # of user-2
        batch_layer.catalog(films.values())
        generation = batch_layer.run()
        assert self.marked(batch_layer) == set(USERS) - {"user-1", "user-2"}
        dates = batch_layer.database["user_stats_batch"].distinct("updated_at")
        assert batch_layer.database["user_stats_batch"].distinct("generation") == [2]
        assert [moment.replace(microsecond=0) for moment in dates] == [generation.started_at.replace(microsecond=0)]
        batch_layer.database["user_stats_batch_g000002"].update_many({}, {"$unset": {"marked": True}})
        check_published(batch_layer, 2, logs, films)

    def test_a_full_run_gives_the_same_after_catalog_changes_of_every_kind(
        self, batch_layer: BatchLayer, logs: Logs
    ) -> None:
        long = [add(n, f"x{n}", 6, "long") for n in range(1, CHUNK_ENTRIES + 2)]
        self.happen(batch_layer, logs, *long, add(1, "m1", 8, "gone"))  # the catalog does not know x1 yet
        batch_layer.run()
        first = logs["long"][0]
        self.happen(batch_layer, logs, delete(len(long) + 1, first), delete(2, logs["gone"][0]))  # a chunk less
        films = FILMS | {
            "m2": replace(FILMS["m2"], actors=("A New Face",)),
            "x2": film("x2", runtime_minutes=77, directors=("Late",)),
        }
        del films["m4"]
        batch_layer.catalog(films.values())
        batch_layer.database["catalog"].delete_one({"_id": "m4"})
        incremental = batch_layer.run()
        check_published(batch_layer, incremental.number, logs, films)
        documents, lists = batch_layer.published(), batch_layer.lists(incremental.number)
        full = batch_layer.run(full=True)
        assert (incremental.base, full.base) == (2, None)
        assert batch_layer.published() == documents
        assert batch_layer.lists(full.number) == lists

    def test_a_night_without_anything_new_is_the_same_again(self, batch_layer: BatchLayer, logs: Logs) -> None:
        self.mark(batch_layer)
        generation = batch_layer.run()
        assert (generation.events, generation.users) == (0, len(USERS))
        assert self.marked(batch_layer) == set(USERS)

    def test_when_most_users_have_events_nobody_is_carried_over(self, batch_layer: BatchLayer, logs: Logs) -> None:
        self.mark(batch_layer)
        self.happen(batch_layer, logs, *(add(3, "m5", 9, user) for user in USERS[1:]))
        batch_layer.run()
        assert self.marked(batch_layer) == set()
        check_published(batch_layer, 2, logs, FILMS)

    def test_documents_of_another_version_are_not_carried_over(self, batch_layer: BatchLayer, logs: Logs) -> None:
        self.mark(batch_layer)
        batch_layer.stores.generations.update(1, document_version=DOCUMENT_VERSION - 1)
        assert batch_layer.run().base == 1
        assert self.marked(batch_layer) == set()
        check_published(batch_layer, 2, logs, FILMS)


def test_a_power_user_and_a_film_that_everybody_has_are_exact(batch_layer: BatchLayer) -> None:
    size = 10_000
    films = {f"m{n}": film(f"m{n}", directors=(f"D{n % 400}",), actors=(f"A{n % 900}",)) for n in range(size)}
    batch_layer.catalog(films.values())
    logs = {f"user-{n}": [add(1, "m0", 9, f"user-{n}")] for n in range(1_500)}
    power = [add(n + 1, f"m{n}", n % 20 / 2 + 0.5, "power", event_time=EPOCH) for n in range(size)]
    logs["power"] = power
    store_events(batch_layer.settings, joined(logs))

    generation = batch_layer.run()

    assert generation.films == size + 1_500
    check_published(batch_layer, generation.number, logs, films)
    chunks = [key for key in batch_layer.lists(generation.number) if key[0] == "power"]
    assert len(chunks) == size // CHUNK_ENTRIES


def test_a_night_that_fails_in_spark_says_why_and_harms_nothing(batch_layer: BatchLayer) -> None:
    settings = batch_layer.settings
    logs = {"ann": [add(1, "m1", 7, "ann")]}
    store_events(settings, logs["ann"])
    first = batch_layer.run()
    name = ObjectName("user-events", LogPartition(settings.events_topic, 3), EPOCH.date(), 0)
    objects = s3_objects.connect(settings)
    objects.put_new(name.key, b"this is no Parquet")

    with pytest.raises(BatchJobFailed, match="the Spark job failed: "):
        batch_layer.run()

    failed = batch_layer.stores.generations.get(2)
    assert failed.state is GenerationState.FAILED
    assert failed.reason is not None
    assert name.key in failed.reason
    check_published(batch_layer, first.number, logs, {})
    objects.delete([name.key])
    batch_layer.run()
    assert batch_layer.stores.generations.stored() == batch_layer.stores.states.stored() == {1, 3}
    assert batch_layer.stores.states.complete() == {1, 3}


def test_a_hole_of_the_lake_is_healed_by_what_the_outbox_sends_again(batch_layer: BatchLayer) -> None:
    batch_layer.catalog(FILMS.values())
    log, published_at = [add(n, f"m{n}", 7, "ann") for n in range(1, 6)], datetime.now(UTC)
    outbox = batch_layer.database["outbox"]
    outbox.insert_many({"_id": n, **to_document(it), "published_at": published_at} for n, it in enumerate(log))
    store_events(batch_layer.settings, [log[0], log[3], add(1, "m1", 7, "bob")])
    first = batch_layer.run()
    assert (first.waiting_users, first.sent_again) == (1, 2)
    assert [it["sequence"] for it in outbox.find({"published_at": None}, sort=[("sequence", 1)])] == [2, 3]
    assert batch_layer.stores.states.complete() == {1}
    store_events(batch_layer.settings, [*log[1:3], log[4]])
    second = batch_layer.run()
    assert (second.base, second.waiting_users, second.sent_again) == (1, 0, 0)
    check_published(batch_layer, second.number, {"ann": log, "bob": [add(1, "m1", 7, "bob")]}, FILMS)


def test_as_of_and_rollback_keep_the_speed_view_joined(batch_layer: BatchLayer) -> None:
    """On the real Redis: whatever generation is published, the tail begins no later than its boundary."""
    films = random_catalog(Random(5), 30)
    logs = some_logs(films, users=4)
    events = joined(logs)
    batch_layer.catalog(films.values())
    store_shuffled(batch_layer, events)
    for user_id, log in logs.items():
        batch_layer.stores.speed_view.apply({user_id: log})
    as_of = sorted(event.event_time for event in events)[len(events) // 2]

    newest = batch_layer.run()
    older = batch_layer.run(as_of=as_of)

    early = {user: [event for event in log if event.event_time < as_of] for user, log in logs.items()}
    assert batch_layer.published() == expected(early, films)
    check_joined(batch_layer, logs)
    assert batch_layer.rollback(newest.number).number == newest.number
    check_published(batch_layer, newest.number, logs, films)
    check_joined(batch_layer, logs)
    assert batch_layer.rollback(older.number).number == older.number
    check_joined(batch_layer, logs)


def check_joined(layer: BatchLayer, logs: Logs) -> None:
    published = layer.stores.generations.published()
    assert published is not None
    boundaries = layer.stores.generations.boundaries(published.number, list(logs))
    for user_id, log in logs.items():
        snapshot = layer.stores.speed_view.read(user_id)
        assert snapshot is not None
        boundary = boundaries.get(user_id, 0)
        assert snapshot.base_sequence == boundary
        assert list(snapshot.tail) == log[boundary:]
