"""An acknowledged change reaches every view exactly once, whoever is killed or put back in between."""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pymongo import MongoClient

from cinematch.client.errors import NotThere
from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client
from cinematch.domain.changes import KEEP_RATING
from cinematch.local_stack.data_folder import DataFolder
from tests.end_to_end.running_stack import (
    Document,
    RunningStack,
    eventually,
    issued_sequences,
    recomputed_stats,
    trends_equal_a_recount,
)
from tests.oracle.exactness import check_exact
from tests.oracle.oracle import as_shown

pytestmark = pytest.mark.timeout(1_800)  # more than the waits that one test allows itself
USERS = 8
CHANGES = 60
FILMS = 40
RATINGS = (KEEP_RATING, None, *range(1, 11))
SETTLE_SECONDS = 300
INSISTENT = Patience(attempts=1_000, seconds=120.0)


def workload(stack: RunningStack, seed: str, kill: str | None, name: str | None = None) -> set[str]:
    """Change lists at random; kill a part a third of the way. The users that were touched, called by name or seed."""
    randomness = random.Random(seed)
    users = [f"{name or seed}-{number}" for number in range(USERS)]
    with stack.client(INSISTENT) as client:
        for turn in range(CHANGES):
            if kill and turn == CHANGES // 3:
                stack.kill(kill)
            change(client, randomness, randomness.choice(users))
    return set(users)


def change(client: Client, randomness: random.Random, user_id: str) -> None:
    """Add, re-rate or remove one film; the client insists until the API acknowledges."""
    movie_id = f"f{randomness.randrange(FILMS)}"
    if randomness.random() < 0.2:
        with suppress(NotThere):
            client.remove(user_id, movie_id)
    else:
        client.add(user_id, movie_id, rating=randomness.choice(RATINGS))


def check_views(stack: RunningStack, users: set[str]) -> None:
    """Compare every view with a recomputation from the lists."""
    stack.wait_until_everywhere(SETTLE_SECONDS)
    with stack.database() as database, stack.client(Patience(attempts=1)) as client:
        for user_id in users & set(database.user_sequences.distinct("_id")):
            expected = recomputed_stats(database, user_id)
            assert database.user_stats.find_one({"_id": user_id})["stats"] == expected
            latest = database.user_sequences.find_one({"_id": user_id})["sequence"]
            answer, shown = as_shown(client.stats(user_id, latest).model_dump()), as_shown(expected)
            assert {key: answer[key] for key in shown} == shown
        eventually(lambda: trends_equal_a_recount(database), "global_stats equals a recount", 120)


def test_every_view_equals_a_recomputation(stack: RunningStack) -> None:
    check_views(stack, workload(stack, "calm", kill=None))


@pytest.mark.parametrize("part", ["micro_batch", "relay", "speed_layer", "data_lake", "api", "kafka", "mongodb"])
def test_every_view_equals_a_recomputation_after_kill_9(stack: RunningStack, part: str) -> None:
    users = workload(stack, f"kill-{part}", kill=part)
    stack.wait_until_healthy()
    check_views(stack, users)


def test_a_mongodb_put_back_to_an_older_state_gets_from_the_lake_what_it_lacks(
    stack: RunningStack, client: httpx.Client, tmp_path: Path
) -> None:
    workload(stack, "early", kill=None, name="restored")
    stack.wait_until_everywhere(SETTLE_SECONDS)
    copy_mongodb(stack, tmp_path / "backup")
    with stack.database() as database:
        early = issued_sequences(database)
    workload(stack, "late", kill=None, name="restored")
    workload(stack, "newcomers", kill=None)
    stack.run_alone("batch", "run")
    stack.wait_until_everywhere(SETTLE_SECONDS)
    with stack.database() as database:
        late, lists = issued_sequences(database), stored_lists(database)
    put_mongodb_back(stack, tmp_path / "backup")
    stack.wait_until_healthy()
    with stack.database() as database:
        assert issued_sequences(database) == early

    told = stack.cinematch("import", "lake")
    stack.kill("speed_layer")  # who starts looks through all views, and these begin behind a boundary that is no more

    lacked = {user: last - early.get(user, 0) for user, last in late.items() if last > early.get(user, 0)}
    assert told == f"{sum(lacked.values()):,} events of {len(lacked):,} users put back.\n"
    stack.wait_until_everywhere(SETTLE_SECONDS)
    with stack.database() as database:
        assert (issued_sequences(database), stored_lists(database)) == (late, lists)
        check_exact(client, database, late, SETTLE_SECONDS)
        workload(stack, "afterwards", kill=None, name="restored")
        stack.wait_until_everywhere(SETTLE_SECONDS)
        stack.run_alone("batch", "run")
        check_exact(client, database, issued_sequences(database), SETTLE_SECONDS)
    stack.cinematch("lake", "verify")
    stack.cinematch("audit", "--sample", "100000")


def stored_lists(database: Any) -> list[Document]:
    return list(database.movies.find({}, {"_id": 0}, sort=[("user_id", 1), ("movie_id", 1)]))


def mongodb_files(stack: RunningStack) -> Path:
    return DataFolder(stack.data_dir).service("mongodb") / "data"


def copy_mongodb(stack: RunningStack, backup: Path) -> None:
    """Copy its files, of one moment: while it is locked, nothing is written."""
    with MongoClient[Document](stack.own_mongodb) as client:
        client.admin.command("fsync", lock=True)
        try:
            shutil.copytree(mongodb_files(stack), backup, ignore=shutil.ignore_patterns("diagnostic.data"))
        finally:
            client.admin.command("fsyncUnlock")


def put_mongodb_back(stack: RunningStack, backup: Path) -> None:
    """Have it start from the copy; the supervisor, who would start it at once, sleeps meanwhile."""
    server = psutil.Process(stack.status()["servers"]["mongodb"]["pid"])
    supervisor = psutil.Process(server.ppid())
    supervisor.suspend()
    try:
        server.kill()
        eventually(lambda: server.status() == psutil.STATUS_ZOMBIE, "mongod has ended", 30)
        shutil.rmtree(mongodb_files(stack))
        shutil.copytree(backup, mongodb_files(stack))
    finally:
        supervisor.resume()
