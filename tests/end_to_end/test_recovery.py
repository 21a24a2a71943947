"""After a fault everything comes back by itself, and is exact; how soon is measured. `make chaos` does every fault."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import httpx
import pytest

from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.domain.changes import AddFilm
from tests.end_to_end.running_stack import RunningStack, catalog_films, issued_sequences
from tests.oracle.exactness import check_exact
from tests.oracle.faults import Faults
from tests.oracle.recovery import Drill
from tests.oracle.results import Results

pytestmark = pytest.mark.end_to_end
MANY_USERS = 1_000
SETTLE_SECONDS = 600


@pytest.mark.timeout(0)
def test_every_view_is_whole_again_after_a_fault(
    stack: RunningStack, client: httpx.Client, results: Results, is_chaos: bool
) -> None:
    faults = Faults(stack.data_dir, stack.proxies, stack.disks, stack.own_mongodb, Counter())
    for number in range(20):
        client.post("/movies", json={"user_id": f"drilled-{number}", "movie_id": f"f{number}"}).raise_for_status()
    if is_chaos:
        add_many_users(stack)
    drill = Drill(stack, client, faults)
    drills = drill.all() if is_chaos else drill.quick()
    results["recovery"] = [drill.measure(name, act) for name, act in drills.items()]
    with stack.database() as database:
        check_exact(client, database, issued_sequences(database), SETTLE_SECONDS)


def add_many_users(stack: RunningStack) -> None:
    """What a wiped Redis has to get back."""
    with stack.database() as database:
        films = [AddFilm(film, 7.5) for film in islice(catalog_films(database).values(), 3)]
        lists = Watchlists(database)
        for number in range(MANY_USERS):
            lists.add_many(f"many-{number}", films)
