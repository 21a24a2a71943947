"""An acknowledged change reaches every view exactly once, whoever is killed in between."""

from __future__ import annotations

import random

import httpx
import pytest

from tests.end_to_end.running_stack import RunningStack, eventually, recomputed_stats, recounted_movies
from tests.oracle.oracle import as_shown

USERS = 8
CHANGES = 60
FILMS = 40


def workload(stack: RunningStack, seed: str, kill: str | None) -> set[str]:
    """Change lists at random; kill a part a third of the way. The users that were touched."""
    randomness = random.Random(seed)
    users = [f"{seed}-{number}" for number in range(USERS)]
    with stack.api() as client:
        for turn in range(CHANGES):
            if kill and turn == CHANGES // 3:
                stack.kill(kill)
            change(stack, client, randomness, randomness.choice(users))
    return set(users)


def change(stack: RunningStack, client: httpx.Client, randomness: random.Random, user_id: str) -> None:
    """Add, re-rate or remove one film; insist until the API acknowledges."""
    movie_id = f"f{randomness.randrange(FILMS)}"
    if randomness.random() < 0.2:
        eventually(lambda: removed(client, user_id, movie_id), "DELETE is acknowledged", 120)
        return
    rating = randomness.choice([None, *range(1, 11)])
    body = {"user_id": user_id, "movie_id": movie_id} | ({} if rating is None else {"rating": rating})
    stack.post_until_acknowledged(client, body)


def removed(client: httpx.Client, user_id: str, movie_id: str) -> bool:
    try:
        answer = client.delete(f"/movies/{movie_id}", params={"user_id": user_id})
    except httpx.HTTPError:
        return False
    assert answer.status_code in (200, 404, 503), answer.text
    return answer.status_code != 503


def check_views(stack: RunningStack, users: set[str]) -> None:
    """Compare every view with a recomputation from the lists."""
    stack.wait_until_drained()
    with stack.database() as database, stack.api() as client:
        for user_id in users & set(database.user_sequences.distinct("_id")):
            expected = recomputed_stats(database, user_id)
            assert database.user_stats.find_one({"_id": user_id})["stats"] == expected
            latest = database.user_sequences.find_one({"_id": user_id})["sequence"]
            answer = client.get("/stats", params={"user_id": user_id, "min_sequence": latest})
            assert answer.status_code == 200, answer.text
            shown = as_shown(expected)
            assert {key: answer.json()[key] for key in shown} == shown
        recount = recounted_movies(database)

        def counted() -> bool:
            return bool(database.global_stats.find_one({"type": "global_trends"})["movie_counts"] == recount)

        eventually(counted, "global_stats equals a recount", 30)


def test_every_view_equals_a_recomputation(stack: RunningStack) -> None:
    check_views(stack, workload(stack, "calm", kill=None))


@pytest.mark.parametrize("part", ["micro_batch", "relay", "speed_layer", "data_lake", "api", "kafka", "mongodb"])
def test_every_view_equals_a_recomputation_after_kill_9(stack: RunningStack, part: str) -> None:
    users = workload(stack, f"kill-{part}", kill=part)
    stack.wait_until_healthy()
    check_views(stack, users)
