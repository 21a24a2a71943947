"""What must have happened after so many schedules is what any so many in a row are sure to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

from tests.oracle.plan import AHEAD, ALL_SCHEDULES, BEHIND, ENOUGH_SCHEDULES, MUST_HAPPEN, MUST_MEET, NIGHTS, plan

FIRST_SEEDS: Final = 500
TIMES: Final = 2
"""A fault can hit a process that is down, and has no effect then."""
USERS: Final = ("ann", "bob")


def drawn(seed: int) -> Counter[str]:
    """Give the faults of a schedule by the names under which they are counted."""
    night = NIGHTS[seed % len(NIGHTS)]
    nights = ["kill batch run", "batch run done"] if night.endswith("killed") else [f"{night} done"]
    actions = [name for action in plan(seed, Random(seed), USERS) for name in counted(action.split())]
    return Counter([*nights, *actions])


def counted(action: list[str]) -> Sequence[str]:
    match action:
        case ["copy", layer, "0"]:
            return [f"copy of {layer}"]
        case ["copy", layer, shift]:
            return [f"copy of {layer} with a wrong clock", AHEAD if float(shift) > 0 else BEHIND]
        case ["poison", _]:
            return ["poisoned records"]
        case ["repeat", _]:
            return ["repeated events"]
        case ["lake", "compact"] | ["speed", "rebuild", *_]:
            return [f"{' '.join(action[:2])} done"]
    return [" ".join(action)]


def seldom(schedules: int, names: Sequence[str], times: int) -> set[str]:
    """Give those of the names that some `schedules` in a row draw less than so many times."""
    each = [drawn(seed) for seed in range(FIRST_SEEDS + schedules)]
    windows = [each[first : first + schedules] for first in range(FIRST_SEEDS)]
    return {name for window in windows for name in names if sum(found[name] for found in window) < times}


def test_fifty_schedules_of_any_seed_draw_every_fault() -> None:
    assert seldom(ALL_SCHEDULES, MUST_HAPPEN, TIMES) == set()


def test_six_schedules_of_any_seed_kill_every_layer_and_run_every_command() -> None:
    commands = [name for name in MUST_MEET if name.startswith(("kill ", "batch ", "lake ", "speed "))]
    assert seldom(ENOUGH_SCHEDULES, commands, 1) == set()


def test_a_seed_gives_the_same_plan_again() -> None:
    assert plan(17, Random(17), USERS) == plan(17, Random(17), USERS)
