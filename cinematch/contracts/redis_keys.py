"""Redis keys. A user's keys share the hash tag `{user_id}`, so they live in one slot of a cluster."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote, unquote

SPEED_KEYS: Final = "user:{*}:speed"
"""Pattern that finds every user with a speed view."""
SPEED_VIEWS: Final = "user:{*}:*"
"""Pattern of all keys of speed views."""
HEARTBEATS: Final = "speed:heartbeat:*"
"""Pattern of the marks by which lost writes are noticed."""
RATE_PREFIX: Final = "rate"
"""What the keys of counted requests begin with."""
RATES: Final = f"{RATE_PREFIX}:*"
"""Pattern of the counts of requests."""


class UserKeys(NamedTuple):
    """The three keys of one user's speed view."""

    speed: str
    genres: str
    tail: str


def user_keys(user_id: str) -> UserKeys:
    """Name a user's keys; braces and other special characters of the id are percent-encoded, lest they move the tag."""
    tag = quote(user_id, safe="")
    return UserKeys(f"user:{{{tag}}}:speed", f"user:{{{tag}}}:genres", f"user:{{{tag}}}:tail")


def user_of(speed_key: str) -> str:
    """Give the user whose `speed` key this is."""
    return unquote(speed_key.removeprefix("user:{").removesuffix("}:speed"))


def heartbeat_key(process: str, number: int) -> str:
    """Name a process's mark by which lost writes are noticed; `number` is chosen so that it lies on a certain node."""
    return f"speed:heartbeat:{process}:{number}"


def cached_stats_key(user_id: str) -> str:
    """Name the key of the cache-aside mode (phase 1 of the migration)."""
    return f"stats:{user_id}"


def stats_lock_key(user_id: str) -> str:
    """Name the key of the lock under which one reader recomputes `cached_stats_key`."""
    return f"stats-lock:{user_id}"
