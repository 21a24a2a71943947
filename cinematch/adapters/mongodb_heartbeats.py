"""The heartbeats of the layers' processes, as leases in MongoDB (see contracts/heartbeat.py)."""

from __future__ import annotations

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.heartbeat import HEARTBEAT_SECONDS, Heartbeat, LastBeat, heartbeat_lease, process_name
from cinematch.contracts.layers import Layer


def heartbeat(database: SyncDatabase, layer: Layer) -> Heartbeat:
    """Give the heartbeat of this process, which works for a layer."""
    return Heartbeat(_lease(database, layer))


def last_beat(database: SyncDatabase, layer: Layer) -> LastBeat | None:
    """Tell who beat last; None when nobody ever did, or the last one was asked to end. Raises StoreUnavailable."""
    holding = _lease(database, layer).last_holding()
    return None if holding is None else LastBeat(holding.owner, holding.renewed_at, holding.is_held)


def _lease(database: SyncDatabase, layer: Layer) -> MongoLease:
    return MongoLease(database, heartbeat_lease(layer), process_name(), HEARTBEAT_SECONDS)
