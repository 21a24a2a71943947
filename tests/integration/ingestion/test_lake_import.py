"""`cinematch import lake`: a MongoDB that was put back to an older state gets from the lake what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from cinematch.adapters import s3_lake
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_sequences import Sequences
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.contracts.collections import ERASURES, MOVIES, OUTBOX, USER_SEQUENCES
from cinematch.contracts.event_codec import encode
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from ingestion.commands import import_
from ingestion.imports import lake_import
from ingestion.imports.lake_import import LakeImport, LakeImported, RestoredStores
from tests.environments import environment_of
from tests.integration.ingestion.conftest import FILMS
from tests.lake_stage import Stage, events_of
from tests.lakes import store_events

pytestmark = pytest.mark.integration

PUT_BACK = (MOVIES, USER_SEQUENCES, OUTBOX, ERASURES)
HEAT, OMBRA, DOLLAR = FILMS[0], FILMS[2], FILMS[3]
Backup = Mapping[str, Sequence[dict[str, Any]]]


class NoStages:
    """Shows no progress."""

    def stage(self, title: str, total: int) -> Any:
        return nullcontext(lambda amount: None)


class Site:
    """A database with its lake, and what is needed to put it back."""

    def __init__(self, database: SyncDatabase, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.lists = Watchlists(database)
        self.complaints: list[str] = []

    def backup(self) -> Backup:
        return {name: list(self.database[name].find()) for name in PUT_BACK}

    def put_back(self, backup: Backup, only: Iterable[str] = PUT_BACK) -> None:
        for name in only:
            self.database[name].delete_many({})
            if backup[name]:
                self.database[name].insert_many(backup[name])

    def events(self) -> list[Event]:
        users = [user["_id"] for user in self.database[USER_SEQUENCES].find()]
        return [event for user in sorted(users) for event in Outbox(self.database).kept_after(user, 0)]

    def publish(self) -> list[Event]:
        """What relay and sink do with the whole outbox."""
        events = self.events()
        Outbox(self.database).mark_published(events)
        store_events(self.settings, events)
        return events

    def run(self) -> LakeImported:
        erasures, outbox = Erasures(self.database), Outbox(self.database)
        stores = RestoredStores(self.lists, Sequences(self.database), erasures, outbox)
        return LakeImport(s3_lake.connect(self.settings), stores, self.complaints.append).run(None, NoStages())

    def state(self) -> dict[str, Any]:
        """Lists, counters and events, without what only MongoDB or the relay has given them."""
        left_out = {"_id": 0}
        return {
            MOVIES: list(self.database[MOVIES].find({}, left_out, sort=[("user_id", 1), ("movie_id", 1)])),
            USER_SEQUENCES: list(self.database[USER_SEQUENCES].find(sort=[("_id", 1)])),
            OUTBOX: self.events(),
        }


@pytest.fixture
def site(database: SyncDatabase, minio_server: MinioServer, settings: Settings) -> Site:
    """Ann and Bob have lists, which a backup has, and of which the lake knows."""
    site = Site(database, settings)
    site.lists.apply_many("ann", [AddFilm(HEAT, 7.5), AddFilm(OMBRA, None)])
    site.lists.apply_many("bob", [AddFilm(HEAT, 3.0)])
    return site


def change_all(site: Site) -> None:
    """What happens after the backup: films added, rated and removed, a newcomer, and somebody who does nothing."""
    site.lists.apply_many("ann", [AddFilm(HEAT, 9.0), RemoveFilm(OMBRA.movie_id), AddFilm(DOLLAR, 1.0)])
    site.lists.apply_many("ann", [AddFilm(OMBRA, 2.0), RemoveFilm(HEAT.movie_id)])
    site.lists.apply_many("carl", [AddFilm(film, 5.0) for film in FILMS])


def test_what_the_lake_has_comes_back_as_it_was_and_is_published_again(site: Site) -> None:
    backup = site.backup()
    change_all(site)
    site.publish()
    before = site.state()
    site.put_back(backup)

    assert site.run() == LakeImported(users=2, events=5 + len(FILMS))

    assert site.state() == before
    assert [(it.user_id, it.sequence) for it in Outbox(site.database).unpublished() if it.user_id != "bob"] == [
        *(("ann", sequence) for sequence in range(1, 8)),
        *(("carl", sequence) for sequence in range(1, len(FILMS) + 1)),
    ]
    site.publish()  # the same events once more
    assert site.run() == LakeImported(users=0, events=0)
    assert site.lists.change("ann", AddFilm(HEAT, 4.0)).sequence == 8
    assert site.complaints == []


def test_stopped_after_any_transaction_it_goes_on_where_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_import, "GROUP_CHANGES", 3)
    backup = site.backup()
    change_all(site)
    site.publish()
    before = site.state()
    ends = 0
    for transactions in range(20):
        site.put_back(backup)
        with ended_after(transactions, monkeypatch) as was_ended:
            try:
                site.run()
            except StoreUnavailable:
                assert was_ended()
                ends += 1
        site.run()
        assert site.state() == before
    assert ends == 2 + -(-len(FILMS) // 3)


@contextmanager
def ended_after(transactions: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have MongoDB go away before one of the transactions."""
    done, begin = 0, Watchlists._in_transaction

    def begin_counted(lists: Watchlists, attempt: Callable[[Any], Any]) -> Any:
        nonlocal done
        if done == transactions:
            raise StoreUnavailable("mongodb", "it went away")
        done += 1
        return begin(lists, attempt)

    with monkeypatch.context() as patched:
        patched.setattr(Watchlists, "_in_transaction", begin_counted)
        yield lambda: done == transactions


def test_events_behind_a_hole_stay_out_and_are_told(site: Site) -> None:
    backup = site.backup()
    change_all(site)
    store_events(site.settings, [event for event in site.events() if (event.user_id, event.sequence) != ("ann", 5)])
    site.put_back(backup)

    assert site.run() == LakeImported(users=2, events=2 + len(FILMS))

    assert site.complaints == ["user 'ann': event 5 is not there, the last one is 7"]
    assert Sequences(site.database).issued(["ann", "carl"]) == {"ann": 4, "carl": len(FILMS)}
    assert site.state()[OUTBOX][:4] == Outbox(site.database).events_after("ann", 0)


@pytest.mark.parametrize("is_published", [False, True])
@pytest.mark.parametrize("changes", [1, 5, 7])
def test_a_list_that_was_changed_before_is_told_and_stays(site: Site, changes: int, is_published: bool) -> None:
    backup = site.backup()
    change_all(site)
    site.publish()
    site.put_back(backup)
    site.lists.apply_many("ann", [AddFilm(film, 6.5) for film in FILMS[4 : 4 + changes]])
    if is_published:
        store_events(site.settings, Outbox(site.database).kept_after("ann", 2))
    changed = site.state()

    assert site.run() == LakeImported(users=1, events=len(FILMS))

    last = max(7, 2 + changes) if is_published else 7
    assert [told for told in site.complaints if told.endswith(f"for the list was changed before; the last is {last}")]
    assert len(site.complaints) == 1
    assert [movie for movie in site.state()[MOVIES] if movie["user_id"] != "carl"] == changed[MOVIES]
    assert Sequences(site.database).issued(["ann"]) == {"ann": 2 + changes}


def test_a_change_between_two_groups_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_import, "GROUP_CHANGES", 3)
    backup = site.backup()
    change_all(site)
    site.publish()
    site.put_back(backup)
    put_back, other = site.lists.put_back, Watchlists(site.database)

    def disturbed(user_id: str, events: Sequence[Event]) -> None:
        put_back(user_id, events)
        if user_id == "ann":
            other.change("ann", AddFilm(FILMS[9], 1.0))

    monkeypatch.setattr(site.lists, "put_back", disturbed)
    assert site.run() == LakeImported(users=2, events=3 + len(FILMS))
    assert site.complaints == ["user 'ann': somebody changes the list meanwhile; the last event is 7"]


@pytest.mark.parametrize("kept", [MOVIES, OUTBOX])
def test_a_state_that_is_not_of_one_moment_is_told_and_the_others_come_back(site: Site, kept: str) -> None:
    backup = site.backup()
    site.lists.apply_many("bob", [AddFilm(DOLLAR, 8.0)])
    site.publish()
    site.put_back(backup, only={*PUT_BACK} - {kept})
    newcomer = replace(events_of(["dora"], 1, 1)[0], movie_id=HEAT.movie_id)
    store_events(site.settings, [newcomer])

    assert site.run() == LakeImported(users=1, events=1)

    assert site.complaints == ["user 'bob': counter, list and outbox are not of one moment; the last event is 2"]
    assert Sequences(site.database).issued(["bob", "dora"]) == {"bob": 1, "dora": 1}


def test_a_list_that_lacks_what_its_counter_has_is_told(site: Site) -> None:
    backup = site.backup()
    site.lists.apply_many("bob", [AddFilm(DOLLAR, 8.0)])
    later = site.backup()
    site.lists.apply_many("bob", [AddFilm(DOLLAR, 2.0)])
    site.publish()
    site.put_back(later)
    site.put_back(backup, only=[MOVIES])

    site.run()

    assert site.complaints == ["user 'bob': counter, list and outbox are not of one moment; the last event is 3"]
    assert Sequences(site.database).issued(["bob"]) == {"bob": 2}


def test_who_was_erased_before_and_came_back_begins_behind_the_floor(site: Site) -> None:
    site.publish()
    site.lists.change("bob", RemoveFilm(HEAT.movie_id))
    Erasures(site.database).bury("bob")
    site.database[OUTBOX].delete_many({"user_id": "bob"})
    backup = site.backup()
    site.lists.apply_many("bob", [AddFilm(DOLLAR, 8.0), AddFilm(OMBRA, 7.0)])
    before = site.state()
    store_events(site.settings, Outbox(site.database).kept_after("bob", 2))
    site.put_back(backup)

    assert site.run() == LakeImported(users=1, events=2)

    assert site.state() == before
    assert site.database[USER_SEQUENCES].find_one({"_id": "bob"}) == {"_id": "bob", "sequence": 4, "floor": 2}


def erase(site: Site, user: str, floor: int) -> int:
    site.lists.apply_many(user, [RemoveFilm(film) for film in site.lists.films_of(user, 100)])
    tombstone = Erasures(site.database).bury(user, floor)
    assert tombstone is not None
    return tombstone.floor


@pytest.mark.parametrize(("user", "films"), [("ann", 0), ("ann", 10), ("carl", 0)])
def test_who_cannot_be_brought_to_the_last_event_is_erased_beyond_it(site: Site, user: str, films: int) -> None:
    """Also with events of the erasure's own under numbers that the lake has: of `films` films of the list."""
    site.lists.apply_many("ann", [AddFilm(film, 1.0) for film in FILMS[4 : 4 + films]])
    backup = site.backup()
    for each in ("ann", "carl"):
        site.lists.apply_many(each, [AddFilm(HEAT, 9.0), AddFilm(DOLLAR, 1.0), AddFilm(DOLLAR, 2.0)])
    store_events(site.settings, [event for event in site.events() if event.movie_id != HEAT.movie_id])
    last = Sequences(site.database).issued([user])[user]
    site.put_back(backup)
    site.run()
    assert [told for told in site.complaints if told.startswith(f"user {user!r}") and told.endswith(f"one is {last}")]

    floor = erase(site, user, last)

    assert floor == max(last, last - 3 + len(backup_list(backup, user)))
    site.complaints.clear()
    site.run()
    assert not [told for told in site.complaints if told.startswith(f"user {user!r}")]
    assert site.lists.change(user, AddFilm(HEAT, 4.0)).sequence == floor + 1


def backup_list(backup: Backup, user: str) -> list[dict[str, Any]]:
    return [movie for movie in backup[MOVIES] if movie["user_id"] == user]


def test_whose_numbers_were_given_twice_is_erased_beyond_them(site: Site) -> None:
    backup = site.backup()
    change_all(site)
    site.publish()
    site.put_back(backup)
    site.lists.apply_many("ann", [AddFilm(DOLLAR, 6.5)])
    store_events(site.settings, Outbox(site.database).kept_after("ann", 2))
    site.run()
    assert len(site.complaints) == 1

    assert erase(site, "ann", 7) == 7

    site.complaints.clear()
    assert site.run() == LakeImported(users=0, events=0)
    assert site.complaints == []


def test_who_was_erased_since_and_came_back_gets_what_they_did_then(site: Site) -> None:
    backup = site.backup()
    floor = erase(site, "ann", 0)
    site.lists.apply_many("ann", [AddFilm(OMBRA, 2.0), AddFilm(DOLLAR, 3.0)])
    site.publish()
    before = site.state()
    site.put_back(backup)

    assert erase(site, "ann", floor) == floor
    assert site.run() == LakeImported(users=1, events=2)

    assert site.complaints == []
    assert site.state()[MOVIES] == before[MOVIES]
    assert Sequences(site.database).issued(["ann"]) == {"ann": floor + 2}


def run_command(settings: Settings, *options: str) -> Result:
    return CliRunner().invoke(import_, ["lake", *options], env=environment_of(settings))


def test_the_command_waits_for_what_only_the_log_has(site: Site, kafka_server: KafkaServer, settings: Settings) -> None:
    stage = Stage(settings)
    stage.publish(events_of(["ann"], 1, 5))

    result = run_command(settings)

    assert result.exit_code == 2
    assert result.stderr.startswith("cinematch: the lake lacks 5 records of the event log: let data_lake store them")


def test_the_command_says_what_came_back(site: Site, kafka_server: KafkaServer, settings: Settings) -> None:
    backup = site.backup()
    change_all(site)
    events = site.publish()
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        for event in events:
            producer.send(settings.events_topic, encode(event), partition=0)  # as `store_events` has them
    site.put_back(backup)

    later = run_command(settings, "--since", f"{events[0].event_time + timedelta(days=3):%Y-%m-%d}")
    assert (later.exit_code, later.stdout) == (0, "0 events of 0 users put back.\n"), later.stderr
    result = run_command(settings, "--since", f"{events[0].event_time:%Y-%m-%d}")
    assert (result.exit_code, result.stdout) == (0, f"{5 + len(FILMS)} events of 2 users put back.\n")


def test_the_command_names_who_stays_behind(site: Site, settings: Settings) -> None:
    backup = site.backup()
    site.lists.apply_many("bob", [AddFilm(OMBRA, 1.0), AddFilm(OMBRA, 2.0)])
    store_events(settings, Outbox(site.database).kept_after("bob", 2))
    site.put_back(backup)

    result = run_command(settings, "--lake-alone")

    assert result.exit_code == 1
    assert "user 'bob': event 2 is not there, the last one is 3" in result.stderr
    assert "1 users could not be brought to their last event; all others have theirs." in result.stdout


@pytest.mark.parametrize("records", [0, 1])
def test_another_log_than_the_lakes_is_no_proof_that_it_is_whole(
    site: Site, kafka_server: KafkaServer, settings: Settings, records: int
) -> None:
    site.publish()
    Stage(settings).publish(events_of(["ann"], 1, records))

    result = run_command(settings)

    assert result.exit_code == 2
    assert "ends before the lake does" in result.stderr
    assert run_command(settings, "--lake-alone").exit_code == 0


def test_without_kafka_the_command_says_so(site: Site, settings: Settings) -> None:
    result = run_command(settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"}))
    assert result.exit_code == 2
    assert "kafka does not answer" in result.stderr
