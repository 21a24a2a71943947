"""Redis keys. A user's keys share the hash tag `{user_id}`, so they live in one slot of a cluster."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote


class UserKeys(NamedTuple):
    """The three keys of one user's speed view."""

    speed: str
    genres: str
    tail: str


def user_keys(user_id: str) -> UserKeys:
    """Name a user's keys; braces and other special characters of the id are percent-encoded, lest they move the tag."""
    tag = quote(user_id, safe="")
    return UserKeys(f"user:{{{tag}}}:speed", f"user:{{{tag}}}:genres", f"user:{{{tag}}}:tail")


def cached_stats_key(user_id: str) -> str:
    """Name the key of the cache-aside mode (phase 1 of the migration)."""
    return f"stats:{user_id}"


def stats_lock_key(user_id: str) -> str:
    """Name the key of the lock under which one reader recomputes `cached_stats_key`."""
    return f"stats-lock:{user_id}"
