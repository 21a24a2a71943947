"""What is done in a schedule on the running stack: drawn from its seed, every kind of fault in turn.

And what must have been done, and seen, after so many of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from tests.oracle.copies import CLOCK_SHIFTS

LAYERS: Final = ("speed_layer", "data_lake", "relay", "api", "micro_batch", "scheduler")
SERVERS: Final = ("redis", "mongodb", "kafka", "minio")
PARTS: Final = (*LAYERS, *SERVERS)
LINES: Final = (
    *(f"line {server} {conduct}" for conduct in ("cut", "torn", "silent", "slow") for server in SERVERS),
    "line minio http_500",
)
"""In an order in which any few schedules in a row meet different servers."""
MISHAPS: Final = (
    "older redis",
    "step down mongodb",
    "full redis",
    "flush redis",
    "full kafka",
    "shuffle",
    "full mongodb",
    "lose checkpoint of speed_layer",
    "lose checkpoint of micro_batch",
)
NIGHTS: Final = (
    "batch run",
    "batch run --full",
    "batch rollback",
    "batch run --from-lists",
    "batch run",
    "batch run killed",
    "batch run",
)
"""One of them runs through each schedule. The order matters: a rollback needs two generations."""
EXTRAS: Final = 2
SCHEDULES_FOR_ALL_COPIES: Final = 25
"""In one of so many there is a second copy of every layer."""
AHEAD: Final = "copies with a clock ahead"
BEHIND: Final = "copies with a clock behind"
ENOUGH_SCHEDULES: Final = 6
"""From here on every layer must have been killed, and every kind of answer given."""
MUST_MEET: Final = (
    *(f"kill {layer}" for layer in LAYERS),
    "batch run done",
    "lake compact done",
    "speed rebuild done",
    "answers from both views",
    "complete answers",
    "looks at the batch view",
)
ALL_SCHEDULES: Final = 50
"""From here on every fault of the plan must have happened, too: any so many in a row draw each at least twice."""
MUST_HAPPEN: Final = (
    *(f"kill {server}" for server in SERVERS),
    *(f"pause {part}" for part in PARTS),
    *LINES,
    *MISHAPS,
    *(f"copy of {layer}" for layer in LAYERS),
    AHEAD,
    BEHIND,
    "kill batch run",
    "batch rollback done",
    "batch run --full done",
    "batch run --from-lists done",
    "poisoned records",
    "repeated events",
)


def plan(seed: int, random: Random, users: Sequence[str]) -> list[str]:
    """Give the actions of a schedule in their order.

    Each layer is killed in one of six schedules, each server in one of eight; a part is paused, a line misbehaves and a
    mishap happens in each, in turn; in every third one a layer has a second copy, by turns with a wrong clock.
    """
    actions = ["lake compact", "speed rebuild", f"kill {LAYERS[seed % len(LAYERS)]}"]
    if seed % 2:
        actions.append(f"kill {SERVERS[seed // 2 % len(SERVERS)]}")
    actions += [LINES[seed % len(LINES)], MISHAPS[seed % len(MISHAPS)], f"pause {PARTS[seed % len(PARTS)]}"]
    user = random.choice(users)
    extras = (f"speed rebuild --user {user}", f"poison {user}", f"repeat {user}", random.choice(LINES))
    actions += random.sample(extras, EXTRAS)
    random.shuffle(actions)
    return _copies(seed) + actions


def _copies(seed: int) -> list[str]:
    """They come first: a copy is to be there while the rest happens."""
    if seed % SCHEDULES_FOR_ALL_COPIES == SCHEDULES_FOR_ALL_COPIES - 1:
        return [f"copy {layer} 0" for layer in LAYERS]
    if seed % 3 == 1:
        rounds, turn = divmod(seed // 3, len(LAYERS))
        return [f"copy {LAYERS[turn]} {CLOCK_SHIFTS[(rounds + turn + 1) % len(CLOCK_SHIFTS)]:g}"]
    return []
