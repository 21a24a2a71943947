"""The batch computation: DataFrames in, DataFrames out, no I/O.

Users are dealt out to groups by a hash of their id, and each group is one call of the pure functions of the domain. So
no task is a bottleneck: a group has a bounded number of users, however the events are spread, and a film that everybody
has is sent once a group, not once a user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from batch_layer.state import STATE_SCHEMA, read_watchlist, state_row
from cinematch.adapters.mongodb_generations import encode
from cinematch.arrow_rows import rows_of
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.catalog_document import read_film
from cinematch.contracts.event_codec import from_document
from cinematch.contracts.generations import list_chunks
from cinematch.contracts.missing_events import gaps
from cinematch.domain.events import Event
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, Watchlist, replay
from cinematch.process_memory import without_collections

USERS_OF_A_GROUP: Final = 500
ROWS_OF_A_GROUP: Final = 100_000
"""Events and list entries. Both bound, on average, what one call holds in memory: some 100 MB as Python objects."""

PENDING_SCHEMA: Final = StructType(
    [StructField("kafka_partition", IntegerType(), False), StructField("kafka_offset", LongType(), False)]
)
GAP_SCHEMA: Final = StructType([StructField("first", LongType(), False), StructField("last", LongType(), False)])
GAPS_OF_A_USER: Final = 100
"""So many gaps of a user are told at once; a later run tells the others."""
FOLDED_SCHEMA: Final = StructType(
    [
        *STATE_SCHEMA.fields,
        StructField("events", LongType(), False),
        StructField("first_event_time", TimestampType()),
        StructField("last_event_time", TimestampType()),
        StructField("pending", ArrayType(PENDING_SCHEMA, False), False),
        StructField("missing", ArrayType(GAP_SCHEMA, False), False),
        StructField("is_carried", BooleanType(), False),
    ]
)
DOCUMENTS_SCHEMA: Final = StructType(
    [
        StructField("user_id", StringType(), False),
        StructField("document", BinaryType(), False),
        StructField("chunks", ArrayType(BinaryType(), False), False),
    ]
)
CATALOG_SCHEMA: Final = StructType(
    [
        StructField("_id", StringType(), False),
        StructField("title", StringType()),
        StructField("directors", ArrayType(StringType())),
        StructField("actors", ArrayType(StringType())),
        StructField("runtime_minutes", IntegerType()),
        StructField("poster_path", StringType()),
    ]
)
"""The catalog as the statistics need it; genres and titles of a list are those of its entries."""


FLOORS_SCHEMA: Final = StructType([StructField("_id", StringType(), False), StructField("floor", LongType(), False)])
"""The tombstones of erased users: `_id` is `contracts.erasure.user_digest` of theirs."""


def groups_for(users: int, rows: int) -> int:
    """Give the number of groups for that many users with so many list entries and events."""
    return max(1, -(-users // USERS_OF_A_GROUP), -(-rows // ROWS_OF_A_GROUP))


def with_floors(rows: DataFrame, floors: DataFrame) -> DataFrame:
    """Add the column `floor` (long; null: never erased) to rows that have a `user_id`. In: floors (FLOORS_SCHEMA)."""
    # A new name each time: rows of two tables meet later, and their columns must not be one and the same.
    named = floors.select(sf.col("_id").alias("digest"), sf.col("floor").alias("floor"))
    return rows.join(named, sf.sha2("user_id", 256) == sf.col("digest"), "left").drop("digest")


def fold(state: DataFrame, events: DataFrame, groups: int, as_of: datetime | None = None) -> DataFrame:
    """Fold events onto lists: each user's gap-free prefix after the state, repeats dropped.

    In: state (STATE_SCHEMA, one row a user), events (columns of the lake: the event's, kafka_partition int,
    kafka_offset long), in any order, with any repeats, also such as the state contains. With `as_of`, a user's prefix
    ends before the first event that happened at or after that time.
    Both may have a column `floor` (see `with_floors`): what the state has of such a user up to the floor is forgotten,
    events up to it are none, and where nothing comes after it, neither does a row.
    Out: FOLDED_SCHEMA, one row for every other user of either: the new state, and of this fold: events folded in, their
    first and last event_time, per Kafka partition the first offset of a new event that had to wait (for a gap, or
    as_of), and the gaps that are missing before events that are there; is_carried is false: each row was made here.
    """
    group = _group(groups)
    return (
        state.groupBy(group)
        .cogroup(events.groupBy(group))
        .applyInArrow(partial(fold_group, as_of=as_of), schema=FOLDED_SCHEMA)
    )


def documents(state: DataFrame, catalog: DataFrame, groups: int, generation: int, updated_at: datetime) -> DataFrame:
    """Describe every user: the batch document and the whole list.

    In: state (STATE_SCHEMA), catalog (CATALOG_SCHEMA, may lack films). Out: DOCUMENTS_SCHEMA, one row a user: the
    `document` of `user_stats_batch` and the `chunks` of whole lists, each as BSON.
    """
    group = _group(groups)
    held = state.select(group, sf.explode("entries.movie_id").alias("_id")).distinct()
    films = held.join(catalog, "_id")
    describe = partial(describe_group, generation=generation, updated_at=updated_at)
    return state.groupBy(group).cogroup(films.groupBy("group")).applyInArrow(describe, schema=DOCUMENTS_SCHEMA)


def _group(groups: int) -> Column:
    return sf.pmod(sf.xxhash64("user_id"), sf.lit(groups)).alias("group")


def fold_group(state: pa.Table, events: pa.Table, as_of: datetime | None) -> pa.Table:
    """Fold one group; see `fold`. Further columns (the group's number) are ignored."""
    with without_collections():
        lists = {row["user_id"]: read_watchlist(row) for row in rows_of(state)}
        floors = _floors(state) | _floors(events)
        erased = {user_id for user_id, floor in floors.items() if lists.get(user_id, Watchlist()).sequence <= floor}
        lists |= {user_id: Watchlist(sequence=floors[user_id]) for user_id in erased}
        arrived = _new_events(events, {user_id: watchlist.sequence for user_id, watchlist in lists.items()})
        rows = [
            _folded_row(user_id, lists.get(user_id, Watchlist()), arrived.get(user_id, []), as_of)
            for user_id in sorted(lists.keys() | arrived.keys())
            if user_id in arrived or lists[user_id].sequence != floors.get(user_id)
        ]
        return pa.Table.from_pylist(rows, schema=to_arrow_schema(FOLDED_SCHEMA, timezone="UTC"))


def _floors(table: pa.Table) -> dict[str, int]:
    if "floor" not in table.column_names:
        return {}
    rows = zip(table["user_id"].to_pylist(), table["floor"].to_pylist(), strict=True)
    return {user_id: floor for user_id, floor in rows if floor is not None}


def _new_events(events: pa.Table, boundaries: Mapping[str, int]) -> dict[str, list[dict[str, Any]]]:
    """Give the events after the boundaries by user, first the one that Kafka has first."""
    users, sequences = events["user_id"].to_pylist(), events["sequence"].to_pylist()
    new = [sequence > boundaries.get(user, 0) for user, sequence in zip(users, sequences, strict=True)]
    by_user: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows_of(events.filter(pa.array(new, pa.bool_()))), key=_place):
        by_user[row["user_id"]].append(row)
    return by_user


def _place(row: dict[str, Any]) -> tuple[int, int]:
    return row["kafka_partition"], row["kafka_offset"]


def _folded_row(
    user_id: str, before: Watchlist, arrived: list[dict[str, Any]], as_of: datetime | None
) -> dict[str, Any]:
    events = [from_document(row) for row in arrived]
    after = replay((event for event in events if as_of is None or event.event_time < as_of), before)
    times = [event.event_time for event in events if event.sequence <= after.sequence]
    return state_row(user_id, after) | {
        "events": after.sequence - before.sequence,
        "first_event_time": min(times, default=None),
        "last_event_time": max(times, default=None),
        "pending": list(_pending(arrived, events, after.sequence)),
        "missing": _missing(events, after.sequence),
        "is_carried": False,
    }


def _missing(events: list[Event], sequence: int) -> list[dict[str, int]]:
    waiting = (event.sequence for event in events if event.sequence > sequence)
    return [gap._asdict() for gap in islice(gaps(sequence, waiting), GAPS_OF_A_USER)]


def _pending(arrived: list[dict[str, Any]], events: list[Event], sequence: int) -> Iterator[dict[str, int]]:
    """Give the first waiting event of each partition (`arrived` is in the order of `_place`)."""
    seen: set[int] = set()
    for row, event in zip(arrived, events, strict=True):
        if event.sequence > sequence and row["kafka_partition"] not in seen:
            seen.add(row["kafka_partition"])
            yield {name: row[name] for name in PENDING_SCHEMA.names}


def describe_group(state: pa.Table, films: pa.Table, generation: int, updated_at: datetime) -> pa.Table:
    """Describe one group; see `documents`. Further columns are ignored."""
    with without_collections():
        catalog = {row["_id"]: read_film(row) for row in films.to_pylist()}
        rows = [_described_row(row, catalog, generation, updated_at) for row in rows_of(state)]
        return pa.Table.from_pylist(rows, schema=to_arrow_schema(DOCUMENTS_SCHEMA, timezone="UTC"))


def _described_row(
    row: dict[str, Any], catalog: Mapping[str, Film], generation: int, updated_at: datetime
) -> dict[str, Any]:
    user_id, watchlist = row["user_id"], read_watchlist(row)
    document = batch_document(user_id, summarise(watchlist, catalog), generation, updated_at)
    return {
        "user_id": user_id,
        "document": encode(document),
        "chunks": [encode(chunk) for chunk in list_chunks(user_id, watchlist)],
    }
