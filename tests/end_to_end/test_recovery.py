"""After a fault everything comes back by itself; how soon is measured. `make chaos` does it for every fault."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from tests.end_to_end.running_stack import RunningStack
from tests.oracle.faults import Faults
from tests.oracle.recovery import Drill
from tests.oracle.results import Results

pytestmark = pytest.mark.end_to_end


@pytest.mark.timeout(0)
def test_every_view_is_whole_again_after_a_fault(
    stack: RunningStack, client: httpx.Client, results: Results, is_chaos: bool
) -> None:
    faults = Faults(stack.data_dir, stack.proxies, stack.disks, stack.own_mongodb, Counter())
    for number in range(20):
        client.post("/movies", json={"user_id": f"drilled-{number}", "movie_id": f"f{number}"}).raise_for_status()
    drill = Drill(stack, client, faults)
    drills = drill.all() if is_chaos else drill.quick()
    rows = results["recovery"] = [drill.measure(name, act) for name, act in drills.items()]
    assert len(rows) == len(drills)
