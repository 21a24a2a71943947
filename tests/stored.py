"""Everything that a database holds, to be compared with what it held before."""

from __future__ import annotations

from cinematch.adapters.mongodb_client import SyncDatabase


def all_stored(database: SyncDatabase) -> dict[str, list[str]]:
    """Give every document of every collection, by the collection's name."""
    return {name: sorted(map(repr, database[name].find())) for name in sorted(database.list_collection_names())}
