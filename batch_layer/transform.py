"""The lists of all users as DataFrames: DataFrames in, DataFrames out, no I/O.

Users are dealt out to groups by a hash of their id, and each group is one call of a pure function. So no task is a
bottleneck: a group has a bounded number of users, however the events are spread.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.types import LongType, StringType, StructField, StructType

from batch_layer.columnar_fold import FOLDED_SCHEMA, fold_group

USERS_OF_A_GROUP: Final = 500
ROWS_OF_A_GROUP: Final = 100_000
"""Events and list entries. Both bound, on average, what one call holds in memory: some 50 MB of columns."""

FLOORS_SCHEMA: Final = StructType([StructField("_id", StringType(), False), StructField("floor", LongType(), False)])
"""The tombstones of erased users: `_id` is `contracts.erasure.user_digest` of theirs."""


def groups_for(users: int, rows: int) -> int:
    """Give the number of groups for that many users with so many list entries and events."""
    return max(1, -(-users // USERS_OF_A_GROUP), -(-rows // ROWS_OF_A_GROUP))


def with_floors(rows: DataFrame, floors: DataFrame | None) -> DataFrame:
    """Add the column `floor` (long; null: never erased) to rows that have a `user_id`.

    In: floors (FLOORS_SCHEMA; None: nobody was ever erased, so that nobody's digest is needed).
    """
    if floors is None:
        return rows.withColumn("floor", sf.lit(None).cast("long"))
    # A new name each time: rows of two tables meet later, and their columns must not be one and the same.
    named = floors.select(sf.col("_id").alias("digest"), sf.col("floor").alias("floor"))
    return rows.join(named, sf.sha2("user_id", 256) == sf.col("digest"), "left").drop("digest")


def fold(state: DataFrame, events: DataFrame, groups: int, as_of: datetime | None = None) -> DataFrame:
    """Fold events onto lists: each user's gap-free prefix after the state, repeats dropped.

    In: state (STATE_SCHEMA, one row a user), events (of LAKE_EVENTS the columns COLUMNS_READ), in any order, with any
    repeats, also such as the state contains. With `as_of`, a user's prefix ends before the first event that happened at
    or after that time.
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


def _group(groups: int) -> Column:
    return sf.pmod(sf.xxhash64("user_id"), sf.lit(groups)).alias("group")
