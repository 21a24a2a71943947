"""The page of who may do what in which store, from the table of privileges itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cinematch.contracts.privileges import EVERY_COLLECTION, Grants, privileges
from cinematch.settings import Settings

HEADER: Final = """\
# Users of the stores

Each layer has a user of its own, `cinematch-LAYER`, in every store that it uses, and may do there what these tables say
and nothing else. `cinematch access apply` brings them into the stores; what that asks for, and why two rows are as wide
as they are: [Security](../security.md#users-of-the-stores).

<!-- Made by `make reference` from cinematch/contracts/privileges.py. tests/integration/security tries them. -->
"""
MONGODB: Final = "MongoDB: actions by collection"
REDIS: Final = "Redis: keys, and commands on them"
TOPICS: Final = "Kafka: operations by topic"
GROUPS: Final = "Kafka: operations by consumer group"
S3: Final = "S3: actions by keys of the bucket"
S3_NOTE: Final = "Whoever is in this table may list the bucket, too."


def privileges_page() -> str:
    """Write the page; names of topics and groups are the settings' defaults."""
    rows = privileges(Settings())
    parts = [
        _table(MONGODB, "collection", ((it.layer, it.mongodb) for it in rows)),
        _redis_table(),
        _table(TOPICS, "topic", ((it.layer, it.topics) for it in rows)),
        _table(GROUPS, "group", ((it.layer, it.groups) for it in rows)),
        _table(S3, "keys", ((it.layer, it.s3) for it in rows)),
    ]
    return "\n".join([HEADER, *parts, S3_NOTE, ""])


def _table(title: str, kind: str, granted: Iterator[tuple[str, Grants]]) -> str:
    lines = [
        f"| {layer} | {_name(name)} | {', '.join(sorted(actions))} |"
        for layer, grants in granted
        for name, actions in grants.items()
    ]
    return "\n".join([f"## {title}", "", f"| layer | {kind} | may |", "|---|---|---|", *lines, ""])


def _redis_table() -> str:
    rows = [
        f"| {it.layer} | {_listed(it.redis.keys)} | {_listed(it.redis.commands)} |"
        for it in privileges(Settings())
        if it.redis
    ]
    return "\n".join([f"## {REDIS}", "", "| layer | keys | commands |", "|---|---|---|", *rows, ""])


def _name(name: str) -> str:
    return "every collection" if name == EVERY_COLLECTION else f"`{name}`"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)).replace("|", "\\|")
