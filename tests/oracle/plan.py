"""What is done in a schedule on the running stack: drawn from its seed, every kind of fault in turn."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from tests.oracle.copies import CLOCK_SHIFTS

LAYERS: Final = ("speed_layer", "data_lake", "relay", "api", "micro_batch", "scheduler")
SERVERS: Final = ("redis", "mongodb", "kafka", "minio")
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
EXTRAS: Final = 2
SCHEDULES_FOR_ALL_COPIES: Final = 25
"""In one of so many there is a second copy of every layer."""


def plan(seed: int, random: Random, users: Sequence[str]) -> list[str]:
    """Give the actions of a schedule in their order.

    Each layer is killed in one of six schedules, each server in one of eight; a line misbehaves and a mishap happens in
    each, in turn; in every third one a layer has a second copy, by turns with a wrong clock.
    """
    actions = ["lake compact", "speed rebuild", f"kill {LAYERS[seed % len(LAYERS)]}"]
    if seed % 2:
        actions.append(f"kill {SERVERS[seed // 2 % len(SERVERS)]}")
    actions += [LINES[seed % len(LINES)], MISHAPS[seed % len(MISHAPS)]]
    user, part = random.choice(users), random.choice((*LAYERS, *SERVERS))
    extras = (f"speed rebuild --user {user}", f"poison {user}", f"repeat {user}", f"pause {part}", random.choice(LINES))
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
