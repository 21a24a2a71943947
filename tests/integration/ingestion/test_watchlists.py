"""Watchlists, outbox and schema on a real MongoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, WriteError

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import UNPUBLISHED_INDEX, Outbox
from cinematch.adapters.mongodb_schema import ensure_outbox_retention, ensure_schema
from cinematch.adapters.mongodb_watchlists import GROUP_CHANGES, Watchlists
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.watchlist import Film, replay


def films(count: int, rating: float | None = 7.5) -> list[AddFilm]:
    return [AddFilm(Film(f"m{number}", f"Film {number}", genres=("Drama",)), rating) for number in range(count)]


def assert_consistent(database: SyncDatabase, user_id: str) -> None:
    """The list, the sequence and the outbox of a user say the same."""
    events = Outbox(database).events_after(user_id, 0)
    replayed = replay(events)
    listed = {movie["movie_id"]: read_movie(movie) for movie in database["movies"].find({"user_id": user_id})}
    assert listed == replayed.entries
    assert database["user_sequences"].find_one({"_id": user_id}) == {"_id": user_id, "sequence": len(events)}
    assert len(events) == replayed.sequence == database["outbox"].count_documents({"user_id": user_id})


def test_a_bulk_takes_effect_once(database: SyncDatabase) -> None:
    watchlists, count = Watchlists(database), GROUP_CHANGES + 7
    assert watchlists.add_many("u", films(count)) == count
    assert watchlists.add_many("u", films(count)) == 0
    assert watchlists.add_many("u", films(count + 1, rating=8.0)) == count + 1
    assert_consistent(database, "u")


def test_a_bulk_may_add_rate_and_remove_one_film(database: SyncDatabase) -> None:
    (film,) = films(1)
    changes: list[Change] = [film, AddFilm(film.film, 9.0), RemoveFilm("m0"), RemoveFilm("m0"), film, film]
    assert Watchlists(database).apply_many("u", changes) == 4
    assert_consistent(database, "u")


def test_what_changes_nothing_writes_nothing(database: SyncDatabase) -> None:
    watchlists = Watchlists(database)
    assert watchlists.change("u", RemoveFilm("m0")).event is None
    assert database["user_sequences"].count_documents({}) == 0
    watchlists.change("u", films(1)[0])
    with database["user_sequences"].watch() as changes:
        assert watchlists.change("u", films(1)[0]).sequence == 1
        watchlists.change("v", films(1)[0])
        assert changes.next()["documentKey"]["_id"] == "v"


def test_first_changes_of_a_user_at_the_same_time_leave_no_gap(database: SyncDatabase) -> None:
    watchlists = Watchlists(database)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda change: watchlists.change("u", change), films(24)))
    assert sorted(outcome.sequence for outcome in outcomes) == list(range(1, 25))
    assert_consistent(database, "u")


def test_a_bulk_and_single_changes_of_one_user_leave_no_gap(database: SyncDatabase) -> None:
    watchlists = Watchlists(database)
    with ThreadPoolExecutor(5) as pool:
        bulk = pool.submit(watchlists.add_many, "u", films(1_200))
        singles = list(pool.map(lambda change: watchlists.change("u", change), films(40, rating=9.0)))
    assert bulk.result() > 0
    assert all(outcome.sequence >= 1 for outcome in singles)
    assert_consistent(database, "u")


def test_events_after_a_sequence_end_where_the_outbox_has_a_hole(database: SyncDatabase) -> None:
    Watchlists(database).add_many("u", films(6))
    outbox = Outbox(database)
    assert [event.sequence for event in outbox.events_after("u", 2)] == [3, 4, 5, 6]
    database["outbox"].delete_one({"user_id": "u", "sequence": 4})
    assert [event.sequence for event in outbox.events_after("u", 2)] == [3]
    assert outbox.events_after("u", 3) == outbox.events_after("u", 6) == outbox.events_after("nobody", 0) == []
    assert [event.sequence for event in outbox.events_after("u", 4)] == [5, 6]


def test_what_is_marked_as_published_is_no_longer_found(database: SyncDatabase) -> None:
    Watchlists(database).add_many("b", films(3))
    Watchlists(database).add_many("a", films(2))
    outbox = Outbox(database)
    unpublished = list(outbox.unpublished())
    assert [(event.user_id, event.sequence) for event in unpublished] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("b", 3),
    ]
    outbox.mark_published(unpublished[:3])
    assert [(event.user_id, event.sequence) for event in outbox.unpublished()] == [("b", 2), ("b", 3)]
    plan = database["outbox"].find({"published_at": None}, hint=UNPUBLISHED_INDEX).explain()
    assert plan["executionStats"]["totalKeysExamined"] == 2


def test_the_schema_can_be_ensured_by_many_at_once(database: SyncDatabase) -> None:
    database.client.drop_database(database.name)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: ensure_schema(database), range(6)))
    Watchlists(database).add_many("u", films(2))
    ensure_schema(database)
    assert_consistent(database, "u")


def test_another_retention_replaces_the_one_before(database: SyncDatabase) -> None:
    for days in (30, 30, 7):
        ensure_outbox_retention(database, days)
        assert database["outbox"].index_information()["retention"]["expireAfterSeconds"] == days * 86_400


@pytest.mark.parametrize(
    ("collection", "changes"),
    [
        ("movies", {"rating": 11.0}),
        ("movies", {"rating": "7"}),
        ("movies", {"user_id": 7}),
        ("movies", {"added_at": "yesterday"}),
        ("outbox", {"event_type": "ADDED"}),
        ("outbox", {"sequence": 0}),
        ("outbox", {"user_id": {"$gt": ""}}),
    ],
)
def test_a_document_of_another_shape_is_refused(
    database: SyncDatabase, collection: str, changes: dict[str, Any]
) -> None:
    Watchlists(database).change("u", films(1)[0])
    document = database[collection].find_one({}, {"_id": 0})
    assert document is not None
    with pytest.raises(WriteError, match="validation"):
        database[collection].insert_one({**document, **changes})


def test_a_sequence_is_never_issued_twice(database: SyncDatabase) -> None:
    Watchlists(database).change("u", films(1)[0])
    document = database["outbox"].find_one({}, {"_id": 0})
    assert document is not None
    with pytest.raises(DuplicateKeyError):
        database["outbox"].insert_one(document)
