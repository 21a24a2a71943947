"""Connections to MongoDB, and the one place where its driver's errors become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WriteError,
)

from cinematch.adapters.mongodb_command_times import CommandTimes
from cinematch.adapters.store_access import StoreAccess, told
from cinematch.errors import TooSlow
from cinematch.settings import Settings

Document = dict[str, Any]
SyncDatabase = Database[Document]
AsynchronousDatabase = AsyncDatabase[Document]
SyncClient = MongoClient[Document]
AsynchronousClient = AsyncMongoClient[Document]

_POOL_SIZE: Final = 50
"""Connections of one process: more only queue up inside mongod."""
STORE: Final = StoreAccess("mongodb", user="the user in MONGODB_URL", ca_file="MONGODB_CA_FILE")
_NO_ENTRY: Final = (13, 18, 8000)
"""Unauthorized, AuthenticationFailed, and the latter as Atlas says it."""
_DUPLICATE_KEY: Final = 11000
_COMMAND_TIMES: Final = CommandTimes()


def connect(settings: Settings) -> SyncClient:
    """Give a client; nothing is sent before the first operation.

    Writes are acknowledged by a majority and its journal, times are aware UTC. A server that does not answer is given
    up after `mongodb_timeout_seconds`; an operation as a whole has no limit, for a batch may read for minutes.
    """
    return MongoClient(**_options(settings))


def connect_async(settings: Settings) -> AsynchronousClient:
    """Give a client for the API, as `connect` does; here each operation as a whole ends within the time limit."""
    return AsyncMongoClient(**_options(settings), timeoutMS=_milliseconds(settings))


@contextmanager
def translated() -> Iterator[None]:
    """Raise StoreUnavailable in place of the driver's errors; TooSlow where the server was at work for too long.

    A write that the server refused for what it says (a validator, a duplicate key) is no matter of availability but a
    defect of ours, and passes as it is.
    """
    try:
        yield
    except (WriteError, BulkWriteError):
        raise
    except (ExecutionTimeout, NetworkTimeout) as error:
        raise TooSlow(STORE.name, str(error)) from error
    except PyMongoError as error:
        refused = isinstance(error, OperationFailure) and error.code in _NO_ENTRY
        raise told(STORE, error, access_refused=refused) from error


def only_duplicates(error: BulkWriteError) -> bool:
    """Say whether every write that failed would have inserted what is there already: somebody else was first."""
    return all(failure["code"] == _DUPLICATE_KEY for failure in error.details["writeErrors"])


def _options(settings: Settings) -> dict[str, Any]:
    milliseconds = _milliseconds(settings)
    return {
        "host": settings.mongodb_url,
        "appname": "cinematch",
        "tz_aware": True,
        "w": "majority",
        "journal": True,
        "maxPoolSize": _POOL_SIZE,
        "serverSelectionTimeoutMS": milliseconds,
        "connectTimeoutMS": milliseconds,
        "event_listeners": [_COMMAND_TIMES],
        **_certificates(settings),
    }


def _certificates(settings: Settings) -> dict[str, Any]:
    if settings.mongodb_ca_file is None:
        return {}  # the address may ask for TLS by itself
    return {"tls": True, "tlsCAFile": str(settings.mongodb_ca_file)}


def _milliseconds(settings: Settings) -> int:
    return int(settings.mongodb_timeout_seconds * 1000)
