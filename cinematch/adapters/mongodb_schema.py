"""Collections, validators and indexes: what MongoDB must have before any layer works with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.adapters.mongodb_outbox import UNPUBLISHED_INDEX
from cinematch.contracts import collections
from cinematch.domain.events import EventType

SECONDS_PER_DAY: Final = 86_400
_RETENTION_INDEX: Final = "retention"
_NAMESPACE_EXISTS: Final = 48  # MongoDB's error codes
_INDEX_OPTIONS_CONFLICT: Final = 85

_STRING: Final = {"bsonType": "string"}
_STRINGS: Final = {"bsonType": "array", "items": _STRING}
_SEQUENCE: Final = {"bsonType": ["int", "long"], "minimum": 1}
_RATING: Final = {"bsonType": ["double", "null"], "minimum": 0.5, "maximum": 10}
_DATE: Final = {"bsonType": "date"}
_DATE_OR_NULL: Final = {"bsonType": ["date", "null"]}

_ENTRY: Final[Document] = {
    "user_id": _STRING,
    "movie_id": _STRING,
    "title": _STRING,
    "genres": _STRINGS,
    "rating": _RATING,
    "watched_at": _DATE,
    "added_at": _DATE,
    "sequence": _SEQUENCE,
}
_EVENT: Final[Document] = {
    "schema_version": {"bsonType": "int"},
    "event_id": _STRING,
    "event_type": {"enum": [kind.value for kind in EventType]},
    "user_id": _STRING,
    "movie_id": _STRING,
    "movie_name": _STRING,
    "genres": _STRINGS,
    "rating": _RATING,
    "previous_rating": _RATING,
    "sequence": _SEQUENCE,
    "event_time": _DATE,
    "watched_at": _DATE_OR_NULL,
    "added_at": _DATE_OR_NULL,
    "published_at": _DATE_OR_NULL,
}
_FILM: Final[Document] = {"title": _STRING, "normalized_title": _STRING, "title_words": _STRINGS, "genres": _STRINGS}

_VALIDATORS: Final[dict[str, Document]] = {
    collections.MOVIES: _ENTRY,
    collections.OUTBOX: _EVENT,
    collections.CATALOG: _FILM,
    collections.USER_SEQUENCES: {"sequence": _SEQUENCE},
    collections.IDEMPOTENCY_KEYS: {"fingerprint": _STRING, "answer": {"bsonType": "object"}, "created_at": _DATE},
}
_UNVALIDATED: Final = (
    collections.MICRO_BATCH_PLACES,
    collections.ERASURES,
    collections.OUTBOX_RELAY,
    collections.USER_STATS,
    collections.GLOBAL_STATS,
    collections.GLOBAL_BOOTSTRAP,
    collections.GLOBAL_MOVIE_COUNTS,
    collections.GLOBAL_GENRE_COUNTS,
    collections.GLOBAL_PROGRESS,
)

_USER_SEQUENCE: Final = [("user_id", ASCENDING), ("sequence", ASCENDING)]
_MOST_POPULAR_FIRST: Final = [("count", DESCENDING), ("title", ASCENDING), ("_id", ASCENDING)]
_INDEXES: Final = {
    collections.MOVIES: [
        IndexModel([("user_id", ASCENDING), ("movie_id", ASCENDING)], unique=True),
        IndexModel([("added_at", ASCENDING)]),
    ],
    collections.CATALOG: [
        IndexModel([("normalized_title", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("title_words", ASCENDING)]),
    ],
    collections.OUTBOX: [
        IndexModel(_USER_SEQUENCE, unique=True),
        # What the relay has still to publish, and nothing else: the index stays small.
        IndexModel(_USER_SEQUENCE, name=UNPUBLISHED_INDEX, partialFilterExpression={"published_at": None}),
    ],
    collections.GLOBAL_STATS: [IndexModel([("type", ASCENDING)], unique=True)],
    collections.GLOBAL_MOVIE_COUNTS: [IndexModel(_MOST_POPULAR_FIRST)],
}


def ensure_schema(database: SyncDatabase) -> None:
    """Create what is missing and bring the validators up to date.

    Idempotent, and safe when several processes do it at the same time. Where nothing is to be done, looking suffices:
    then whoever may read only is let through as well. Raises StoreUnavailable.
    """
    with translated():
        validators = {it["name"]: it["options"].get("validator") for it in database.list_collections()}
        for name in (*_VALIDATORS, *_UNVALIDATED):
            if name not in validators:
                _create_collection(database, name)
        for name, properties in _VALIDATORS.items():
            _ensure_validator(database, name, properties, validators.get(name))
        for name, indexes in _INDEXES.items():
            if missing := _missing(database, name, indexes):
                database[name].create_indexes(missing)


def ensure_outbox_retention(database: SyncDatabase, days: int) -> None:
    """Let MongoDB remove events so many days after their publication; what is not published has no date and stays.

    Idempotent; another number of days replaces the one before. Raises StoreUnavailable.
    """
    _ensure_expiry(database, collections.OUTBOX, "published_at", days * SECONDS_PER_DAY)


def ensure_key_retention(database: SyncDatabase, seconds: int) -> None:
    """Let MongoDB forget so many seconds after its change what a repeated request would be answered with.

    Idempotent; another number of seconds replaces the one before. Raises StoreUnavailable.
    """
    _ensure_expiry(database, collections.IDEMPOTENCY_KEYS, "created_at", seconds)


def _ensure_expiry(database: SyncDatabase, name: str, field: str, seconds: int) -> None:
    with translated():
        if database[name].index_information().get(_RETENTION_INDEX, {}).get("expireAfterSeconds") == seconds:
            return
        try:
            database[name].create_index([(field, ASCENDING)], name=_RETENTION_INDEX, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code != _INDEX_OPTIONS_CONFLICT:
                raise
            changed = {"name": _RETENTION_INDEX, "expireAfterSeconds": seconds}
            database.command("collMod", name, index=changed)


def _missing(database: SyncDatabase, name: str, indexes: Sequence[IndexModel]) -> list[IndexModel]:
    """Give those of the indexes that the collection does not have, or has otherwise."""
    stored = [{key: value for key, value in it.items() if key != "v"} for it in database[name].list_indexes()]
    return [index for index in indexes if dict(index.document) not in stored]


def _create_collection(database: SyncDatabase, name: str) -> None:
    try:
        database.create_collection(name, check_exists=False)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


def _ensure_validator(database: SyncDatabase, name: str, properties: Document, stored: Document | None) -> None:
    """Set the validator where it is another one: the command would disturb transactions under way."""
    validator = {"$jsonSchema": {"required": sorted(properties), "properties": properties}}
    if stored != validator:
        database.command("collMod", name, validator=validator)
