"""Whether a process is the one of which a layer's heartbeat tells."""

from __future__ import annotations

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.contracts.layers import Layer


def beats(database: SyncDatabase, layer: Layer, pid: int | None) -> bool:
    """Say so. One that was killed is told of as long as its lease runs, also when another one is at work already."""
    beat = last_beat(database, layer)
    return beat is not None and beat.process.endswith(f"/{pid}")
