"""Every answer of the running stack equals a replay, whatever is run and killed meanwhile.

Real processes, as `cinematch up` starts them: batches, rollbacks, compactions and rebuilds by the command line, kill -9
of every layer, every server and the batch run itself. All schedules share one stack, which comes back by itself while
the next schedule is under way.
"""

from __future__ import annotations

import json
import time
from collections import Counter

import httpx
import pytest

from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.settings import StatsMode
from tests.end_to_end.running_stack import (
    RunningStack,
    catalog_films,
    eventually,
    issued_sequences,
)
from tests.oracle.batch_view import BatchViewWatch
from tests.oracle.client import Acknowledged, EventLogs, check_lists
from tests.oracle.exactness import check_exact
from tests.oracle.faults import Faults
from tests.oracle.figures import Figures
from tests.oracle.history import kept_on_failure
from tests.oracle.outages import Outages
from tests.oracle.plan import ALL_SCHEDULES, ENOUGH_SCHEDULES, MUST_HAPPEN, MUST_MEET
from tests.oracle.results import Results
from tests.oracle.stack_schedule import StackSchedule

pytestmark = pytest.mark.end_to_end
SETTLE_SECONDS = 900
"""Far more than it takes: not this is what is tested here, but that nothing is wrong then."""


@pytest.mark.timeout(0)
def test_every_answer_equals_a_replay_whatever_is_killed(
    stack: RunningStack, client: httpx.Client, stack_seeds: range, figures: Figures, results: Results
) -> None:
    stack.wait_until_healthy()
    tally = figures["oracle on the running stack"] = Counter()
    acknowledged = Acknowledged()
    outages, began = Outages(), time.monotonic()
    results["outages"] = outages.longest
    faults = Faults(stack.data_dir, stack.proxies, stack.disks, stack.own_mongodb, tally)
    with kept_on_failure() as histories, stack.database() as database:
        outbox, films, view = Outbox(database), catalog_films(database), BatchViewWatch(database, tally)
        for seed in stack_seeds:
            StackSchedule(
                seed, stack, client, outbox, films, acknowledged, faults, tally, outages, view, histories
            ).run()
            tally["schedules"] += 1
        stack.wait_until_healthy(SETTLE_SECONDS)
        stack.wait_until_everywhere(SETTLE_SECONDS)
        logs = EventLogs(outbox)
        check_lists(client, acknowledged, logs)
        with stack.arrivals(database) as arrivals:
            arrivals.check_lake(logs, issued_sequences(database))
        check_exact(client, database, acknowledged.lists, SETTLE_SECONDS)
        eventually(lambda: faults.poisoned <= letters(stack), "every poisoned record is a dead letter", 60)
        stack.cinematch("lake", "verify")
        for mode in StatsMode:
            stack.cinematch("audit", "--sample", "100000", STATS_MODE=mode.value)
        stack.run_alone("batch", "run")
        with stack.arrivals(database) as arrivals:
            arrivals.check_batch_view(issued_sequences(database))
    results["stack_seconds"] = round(time.monotonic() - began)
    if len(stack_seeds) >= ENOUGH_SCHEDULES:
        assert [name for name in MUST_MEET if not tally[name]] == []
    if len(stack_seeds) >= ALL_SCHEDULES:
        assert [name for name in MUST_HAPPEN if not tally[name]] == []


def letters(stack: RunningStack) -> set[str]:
    return {record["id"] for record in json.loads(stack.cinematch("dlq", "list", "--json"))}
