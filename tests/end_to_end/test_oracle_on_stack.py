"""Every answer of the running stack equals a replay, whatever is run and killed meanwhile.

Real processes, as `cinematch up` starts them: batches, rollbacks, compactions and rebuilds by the command line, kill -9
of every layer, every server and the batch run itself. All schedules share one stack, which comes back by itself while
the next schedule is under way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cinematch.adapters.mongodb_outbox import Outbox
from tests.end_to_end.running_stack import RunningStack, catalog_films, eventually, recounted_movies
from tests.oracle.figures import Figures
from tests.oracle.stack_schedule import LAYERS, StackSchedule

pytestmark = pytest.mark.end_to_end
SETTLE_SECONDS = 180
ENOUGH_SCHEDULES = 10
"""From here on every case must have been met."""
MUST_MEET = (
    *(f"kill {layer}" for layer in LAYERS),
    "kill batch run",
    "kill redis",
    "kill mongodb",
    "batch run done",
    "batch rollback done",
    "lake compact done",
    "speed rebuild done",
    "answers from both views",
    "complete answers",
)


@pytest.fixture
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    with stack.api() as client:
        yield client


@pytest.mark.timeout(0)
def test_every_answer_equals_a_replay_whatever_is_killed(
    stack: RunningStack, client: httpx.Client, seeds: range, figures: Figures
) -> None:
    stack.wait_until_healthy()
    tally = figures["oracle on the running stack"] = Counter()
    with stack.database() as database:
        films = catalog_films(database)
        schedules = [StackSchedule(seed, stack, client, Outbox(database), films, tally) for seed in seeds]
        for schedule in schedules:
            schedule.run()
            tally["schedules"] += 1
        stack.wait_until_healthy()
        stack.wait_until_drained()
        for schedule in schedules:
            schedule.check_settled(time.monotonic() + SETTLE_SECONDS)
        eventually(lambda: trends_equal_a_recount(database), "the trends equal a recount", 60)
        stack.cinematch("lake", "verify")
    if len(seeds) >= ENOUGH_SCHEDULES:
        assert {name: tally[name] for name in MUST_MEET if not tally[name]} == {}


def trends_equal_a_recount(database: Any) -> bool:
    document = database.global_stats.find_one({"type": "global_trends"})
    return bool(document["movie_counts"] == recounted_movies(database))
