"""Who may do what in which store: the one table that `cinematch access apply` brings into the stores.

Each process of the system has a user of its own in every store that it uses, and may do there what is listed here and
nothing else. None of them makes the collections, topics and buckets that all of them need: `cinematch access apply`
does, as the stores' administrator.

Two rows are wide, and cannot be made narrow where they are:

- A generation of the batch view has collections of its own, and MongoDB knows no privilege on names with a common
  beginning. So whoever writes generations (`scheduler`), or removes a user from them (`api`), has that action on every
  collection of our database.
- `api` is not only the readers' door: it changes lists, carries out the operators' actions (publishing a generation,
  redriving dead letters) and erases users from every store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cinematch.contracts import collections as names
from cinematch.contracts.batch_state import STATE_PREFIX
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, EVENTS_FOLDER
from cinematch.contracts.redis_keys import HEARTBEATS, RATES, SPEED_VIEWS, cached_stats_key, stats_lock_key
from cinematch.settings import Settings


class Store(StrEnum):
    """What has users."""

    MONGODB = "mongodb"
    REDIS = "redis"
    KAFKA = "kafka"
    S3 = "s3"


Actions = frozenset[str]
Grants = Mapping[str, Actions]
"""What may be done, by the name of what it is done to."""

EVERY_COLLECTION: Final = ""
"""As MongoDB writes it: all collections of the database, those of generations among them."""
S3_LIST: Final = "s3:ListBucket"
"""Whoever may do anything in the bucket may list it: names of objects hold no one's data."""

_FIND: Final = frozenset({"find"})
_APPEND: Final = _FIND | {"insert"}
_PUT: Final = _APPEND | {"update"}
_ALL: Final = _PUT | {"remove"}
_LOOK: Final = frozenset({"listCollections", "listIndexes"})
"""To see that the schema is what it should be."""


@dataclass(frozen=True, slots=True)
class RedisGrants:
    """Patterns of keys, and commands or categories of them (`@hash`), which hold for all of these keys."""

    keys: Actions = frozenset()
    commands: Actions = frozenset()

    def __or__(self, other: RedisGrants) -> RedisGrants:
        return RedisGrants(self.keys | other.keys, self.commands | other.commands)

    def __bool__(self) -> bool:
        return bool(self.commands)


@dataclass(frozen=True, slots=True)
class Privileges:
    """What one layer may do.

    mongodb: actions by collection; topics, groups: operations of Kafka; s3: actions by pattern of keys. Where nothing
    is listed the layer has no user.
    """

    layer: str
    mongodb: Grants = field(default_factory=dict)
    redis: RedisGrants = RedisGrants()
    topics: Grants = field(default_factory=dict)
    groups: Grants = field(default_factory=dict)
    s3: Grants = field(default_factory=dict)

    @property
    def user(self) -> str:
        """Name the layer's user, the same in every store."""
        return f"cinematch-{self.layer}"

    @property
    def uses_kafka(self) -> bool:
        """Whether the layer has a user in Kafka."""
        return bool(self.topics or self.groups)


def privileges(settings: Settings) -> tuple[Privileges, ...]:
    """Give the table; topics and groups have the names that the settings give them."""
    return (
        _api(settings),
        _relay(settings),
        _micro_batch(settings),
        _speed_layer(settings),
        _data_lake(settings),
        _SCHEDULER,
    )


def privileges_of(layer: str, settings: Settings) -> Privileges:
    """Give one row. Raises KeyError when there is none."""
    return {it.layer: it for it in privileges(settings)}[layer]


_CALLS: Final = frozenset({"ping", "eval", "evalsha", "script|load"})
_SPEED_VIEW: Final = RedisGrants(
    frozenset({SPEED_VIEWS}),
    _CALLS | {"@hash", "@sortedset", "del", "persist", "pttl", "pexpire", "scan"},
)
"""The scripts of the speed view: Redis holds what a script does against the privileges of whoever calls it."""
_CACHED_ANSWERS: Final = RedisGrants(
    frozenset({cached_stats_key("*"), stats_lock_key("*")}), _CALLS | {"get", "set", "del"}
)
_REQUEST_COUNTS: Final = RedisGrants(frozenset({RATES}), _CALLS | {"incrby", "expire"})
_HEARTBEAT: Final = RedisGrants(frozenset({HEARTBEATS}), frozenset({"get", "set", "info"}))
_FIGURES: Final = RedisGrants(frozenset(), frozenset({"dbsize", "info"}))

_READ_OBJECTS: Final = frozenset({"s3:GetObject"})
_PUT_OBJECTS: Final = _READ_OBJECTS | {"s3:PutObject"}
_CHANGE_OBJECTS: Final = _PUT_OBJECTS | {"s3:DeleteObject"}
_UPLOAD_OBJECTS: Final = _CHANGE_OBJECTS | {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
_EVENTS: Final = f"{EVENTS_FOLDER}/*"
_LETTERS: Final = f"{DEAD_LETTERS_FOLDER}/*"
_STATES: Final = f"{STATE_PREFIX.rstrip('/')}*"
"""Without a slash, for Hadoop's client asks for the folder itself, too."""
_COMPACTED: Final = {_EVENTS: _CHANGE_OBJECTS, _LETTERS: _CHANGE_OBJECTS}

_READ: Final = frozenset({"READ"})
_WRITE: Final = frozenset({"WRITE"})
_DESCRIBE: Final = frozenset({"DESCRIBE"})
_CHECK: Final = frozenset({"DESCRIBE_CONFIGS"})
"""To see that a topic keeps its records for as long as it should."""


def _api(settings: Settings) -> Privileges:
    return Privileges(
        "api",
        mongodb=_joined(
            {EVERY_COLLECTION: _FIND | _LOOK},
            # Lists: POST, PUT and DELETE /movies; `cinematch seed` and `cinematch import`, which are run there.
            {names.MOVIES: _ALL, names.USER_SEQUENCES: _PUT, names.OUTBOX: _APPEND, names.IDEMPOTENCY_KEYS: _APPEND},
            {names.CATALOG: _PUT, names.SPEED_REPAIRS: _PUT, names.AUDITS: _APPEND},
            # Publishing a generation, and going back to one.
            {names.USER_STATS_BATCH: frozenset({"createCollection", "collMod"}), names.BATCH_GENERATIONS: _PUT},
            # Erasing a user: from every collection, those of generations among them, and from the trends' counts.
            {EVERY_COLLECTION: frozenset({"remove"}), names.ERASURES: _PUT, names.LEASES: _PUT},
            {names.GLOBAL_MOVIE_COUNTS: _PUT, names.GLOBAL_GENRE_COUNTS: _PUT, names.GLOBAL_PROGRESS: _PUT},
        ),
        redis=_SPEED_VIEW | _CACHED_ANSWERS | _REQUEST_COUNTS | _FIGURES,
        # It watches how far each layer is, and publishes events among the dead letters again.
        topics={
            settings.events_topic: _READ | _WRITE,
            settings.speed_deltas_topic: _READ,
            settings.dead_letter_topic: _READ,
        },
        groups={settings.lake_consumer_group: _DESCRIBE, settings.speed_consumer_group: _DESCRIBE},
        # Export and views read; a redriven letter is noted; an erasure writes objects anew and drops states.
        s3={**_COMPACTED, _STATES: frozenset({"s3:DeleteObject"})},
    )


def _relay(settings: Settings) -> Privileges:
    return Privileges(
        "relay",
        mongodb={
            EVERY_COLLECTION: _LOOK,
            names.OUTBOX: frozenset({"find", "update", "changeStream"}),
            names.OUTBOX_RELAY: _ALL,
            names.LEASES: _PUT,
        },
        topics={settings.events_topic: _WRITE | _CHECK},
    )


def _micro_batch(settings: Settings) -> Privileges:
    return Privileges(
        "micro-batch",
        mongodb={
            EVERY_COLLECTION: _LOOK,
            **dict.fromkeys((names.MOVIES, names.USER_SEQUENCES, names.OUTBOX, names.ERASURES), _FIND),
            names.CATALOG: frozenset({"find", "changeStream"}),
            names.MICRO_BATCH_PLACES: _ALL,
            names.USER_STATS: _ALL,
            names.GLOBAL_STATS: _PUT,
            names.GLOBAL_BOOTSTRAP: _PUT,
            names.GLOBAL_MOVIE_COUNTS: _ALL,
            names.GLOBAL_GENRE_COUNTS: _ALL,
            names.GLOBAL_PROGRESS: _PUT,
            names.LEASES: _PUT,
        },
        topics={settings.events_topic: _READ, settings.dead_letter_topic: _WRITE},
    )


def _speed_layer(settings: Settings) -> Privileges:
    return Privileges(
        "speed-layer",
        mongodb={
            **dict.fromkeys((names.USER_SEQUENCES, names.USER_STATS_BATCH, names.OUTBOX, names.ERASURES), _FIND),
            names.SPEED_REPAIRS: frozenset({"find", "update", "remove"}),
            names.LEASES: _PUT,
        },
        redis=_SPEED_VIEW | _HEARTBEAT,
        topics={
            settings.events_topic: _READ | _CHECK,
            settings.speed_deltas_topic: _READ | _WRITE | _CHECK,
            settings.dead_letter_topic: _WRITE | _CHECK,
        },
        groups={settings.speed_consumer_group: _READ},
        s3={_EVENTS: _READ_OBJECTS},
    )


def _data_lake(settings: Settings) -> Privileges:
    return Privileges(
        "data-lake",
        topics={settings.events_topic: _READ | _CHECK, settings.dead_letter_topic: _READ | _WRITE | _CHECK},
        groups={settings.lake_consumer_group: _READ},
        s3={_EVENTS: _PUT_OBJECTS, _LETTERS: _PUT_OBJECTS},
    )


def _joined(*parts: Grants) -> Grants:
    """Give what all parts grant together."""
    joined: dict[str, Actions] = {}
    for part in parts:
        for name, actions in part.items():
            joined[name] = joined.get(name, frozenset()) | actions
    return joined


_SCHEDULER: Final = Privileges(
    "scheduler",
    mongodb=_joined(
        # The batch: generations have names that nobody knows beforehand.
        {
            EVERY_COLLECTION: _LOOK | _APPEND | {"remove", "createCollection", "createIndex", "dropCollection"},
            names.USER_STATS_BATCH: frozenset({"collMod"}),
            names.BATCH_GENERATIONS: _PUT,
            names.LEASES: _PUT,
            names.OUTBOX: frozenset({"update"}),  # the mark of what lacks in the lake, so that the relay sends it again
        },
        # The audit: a reader of answers, who asks for repairs as any reader does, and keeps a record.
        {names.AUDITS: _APPEND | {"remove"}, names.SPEED_REPAIRS: _PUT},
    ),
    redis=_SPEED_VIEW | _CACHED_ANSWERS,
    # Compaction, and the states of generations.
    s3={**_COMPACTED, _STATES: _UPLOAD_OBJECTS},
)
