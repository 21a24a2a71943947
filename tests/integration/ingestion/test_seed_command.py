"""`cinematch seed` on a real MongoDB: exact, repeatable, and through the same event path as everything else."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import replay
from cinematch.settings import Settings
from ingestion.commands import seed
from ingestion.seeding.catalog import CATALOG_FILMS, invented_catalog

pytestmark = pytest.mark.integration

UNTIL = ("--until", "2026-01-01")


def run_seed(settings: Settings, *arguments: str) -> Result:
    environment = {"MONGODB_URL": settings.mongodb_url, "MONGODB_DATABASE": settings.mongodb_database}
    return CliRunner().invoke(seed, [*arguments, *UNTIL], env=environment)


def contents(database: SyncDatabase) -> list[dict[str, Any]]:
    """Give all list entries without the times of writing."""
    return list(database["movies"].find({}, {"_id": 0, "added_at": 0}).sort([("user_id", 1), ("movie_id", 1)]))


def assert_lists_equal_their_logs(database: SyncDatabase) -> None:
    for user in database["user_sequences"].find():
        events = Outbox(database).events_after(user["_id"], 0)
        assert [event.sequence for event in events] == list(range(1, user["sequence"] + 1))
        stored = {entry.movie_id: entry for entry in map(read_movie, database["movies"].find({"user_id": user["_id"]}))}
        assert stored == replay(events).entries


def test_seeding_twice_adds_nothing_and_more_events_only_extend(database: SyncDatabase, settings: Settings) -> None:
    first = run_seed(settings, "--users", "12", "--events", "600", "--seed", "5")
    assert first.exit_code == 0, first.output
    assert "600 events of 12 users written" in first.stdout
    kinds = Counter(document["event_type"] for document in database["outbox"].find())
    assert kinds.total() == 600
    assert min(kinds["ADD"], kinds["UPDATE"], kinds["DELETE"]) > 5
    assert database["catalog"].count_documents({"_id": {"$regex": "^s5-"}}) == CATALOG_FILMS
    assert_lists_equal_their_logs(database)

    before = contents(database)
    again = run_seed(settings, "--users", "12", "--events", "600", "--seed", "5")
    assert "0 events of 12 users written" in again.stdout
    assert contents(database) == before

    more = run_seed(settings, "--users", "12", "--events", "900", "--seed", "5")
    assert "300 events of 12 users written" in more.stdout
    assert database["outbox"].count_documents({}) == 900
    assert_lists_equal_their_logs(database)


def test_a_rate_gives_the_same_data_as_in_bulk_at_that_rate(database: SyncDatabase, settings: Settings) -> None:
    arguments = ("--users", "5", "--events", "120", "--seed", "9")
    began = time.monotonic()
    paced = run_seed(settings, *arguments, "--rate", "200")
    assert paced.exit_code == 0, paced.output
    assert time.monotonic() - began > 119 / 200
    assert database["outbox"].count_documents({}) == 120
    assert_lists_equal_their_logs(database)
    lists = contents(database)

    for name in ("movies", "outbox", "user_sequences"):
        database[name].delete_many({})
    assert run_seed(settings, *arguments).exit_code == 0
    assert contents(database) == lists


def test_changes_of_somebody_else_do_not_make_seeding_repeat_itself(database: SyncDatabase, settings: Settings) -> None:
    run_seed(settings, "--users", "1", "--events", "20", "--seed", "3")
    film = invented_catalog(3)[-1]
    Watchlists(database).change("s3-user-00001", AddFilm(film, 7.0))

    run_seed(settings, "--users", "1", "--events", "20", "--seed", "3")

    assert database["user_sequences"].find_one({"_id": "s3-user-00001"}) == {"_id": "s3-user-00001", "sequence": 21}


def test_more_events_than_users_can_have_are_refused(settings: Settings, database: SyncDatabase) -> None:
    refused = run_seed(settings, "--users", "1", "--events", "999999")
    assert refused.exit_code == 2
    assert "ask for more users" in refused.output
    assert database["outbox"].count_documents({}) == 0
