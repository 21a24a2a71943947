"""An acknowledged change reaches every view exactly once, whoever is killed in between."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from cinematch.client.errors import NotThere
from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client
from cinematch.domain.changes import KEEP_RATING
from tests.end_to_end.running_stack import RunningStack, eventually, recomputed_stats, trends_equal_a_recount
from tests.oracle.oracle import as_shown

USERS = 8
CHANGES = 60
FILMS = 40
RATINGS = (KEEP_RATING, None, *range(1, 11))
INSISTENT = Patience(attempts=1_000, seconds=120.0)


def workload(stack: RunningStack, seed: str, kill: str | None) -> set[str]:
    """Change lists at random; kill a part a third of the way. The users that were touched."""
    randomness = random.Random(seed)
    users = [f"{seed}-{number}" for number in range(USERS)]
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
    stack.wait_until_drained()
    with stack.database() as database, stack.client(Patience(attempts=1)) as client:
        for user_id in users & set(database.user_sequences.distinct("_id")):
            expected = recomputed_stats(database, user_id)
            assert database.user_stats.find_one({"_id": user_id})["stats"] == expected
            latest = database.user_sequences.find_one({"_id": user_id})["sequence"]
            answer, shown = as_shown(client.stats(user_id, latest).model_dump()), as_shown(expected)
            assert {key: answer[key] for key in shown} == shown
        eventually(lambda: trends_equal_a_recount(database), "global_stats equals a recount", 30)


def test_every_view_equals_a_recomputation(stack: RunningStack) -> None:
    check_views(stack, workload(stack, "calm", kill=None))


@pytest.mark.parametrize("part", ["micro_batch", "relay", "speed_layer", "data_lake", "api", "kafka", "mongodb"])
def test_every_view_equals_a_recomputation_after_kill_9(stack: RunningStack, part: str) -> None:
    users = workload(stack, f"kill-{part}", kill=part)
    stack.wait_until_healthy()
    check_views(stack, users)
