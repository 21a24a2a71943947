"""Brings a single mongod to where transactions work: the primary of a replica set of one member."""

from __future__ import annotations

from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from cinematch.errors import StoreUnavailable

TIMEOUT_MS: Final = 2_000
NOT_YET_INITIALIZED: Final = 94  # MongoDB's error code


def ensure_primary(host: str, port: int, replica_set: str) -> bool:
    """Initiate the replica set when it is new, move it here when it knew another port; whether it is primary now.

    Idempotent. False means: ask again soon. Raises StoreUnavailable when mongod does not answer.
    """
    address = f"{host}:{port}"
    client: MongoClient[dict[str, Any]] = MongoClient(
        host, port, directConnection=True, serverSelectionTimeoutMS=TIMEOUT_MS, socketTimeoutMS=TIMEOUT_MS
    )
    try:
        hello = client.admin.command("hello")
        if hello.get("isWritablePrimary") and hello.get("me") == address:
            return True
        _configure(client, address, replica_set)
    except PyMongoError as error:
        raise StoreUnavailable("mongodb", str(error)) from error
    finally:
        client.close()
    return False


def _configure(client: MongoClient[dict[str, Any]], address: str, replica_set: str) -> None:
    member = {"_id": 0, "host": address}
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": replica_set, "members": [member]})
        return
    if [stored["host"] for stored in config["members"]] != [address]:
        moved = config | {"members": [config["members"][0] | member], "version": config["version"] + 1}
        client.admin.command("replSetReconfig", moved, force=True)
