"""What has happened since the base generation: only that is computed, the rest is carried over. DataFrames, no I/O.

A user's documents depend on the list and on the catalog entries of its films, and on nothing else: neither on the time
of the run nor on its window. So whoever has no new event, and no film whose catalog entry differs, keeps them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from batch_layer.columnar_fold import FOLDED_SCHEMA
from batch_layer.state import STATE_SCHEMA
from batch_layer.transform import fold

BROADCAST_USERS: Final = 500_000
"""Up to here a list of users goes to every task, some 50 MB; beyond it, rows are sorted by user and merged."""


def new_events(events: DataFrame, state: DataFrame, known_users: int) -> DataFrame:
    """Give the events after their user's boundary in the state, and after the floor, repeats included.

    In and out: `user_id`, `sequence`, `floor`, and any further columns.
    """
    boundaries = state.select("user_id", sf.col("sequence").alias("boundary"))
    joined = events.join(_small(boundaries, known_users), "user_id", "left")
    reached = sf.greatest(sf.coalesce("boundary", sf.lit(0)), sf.coalesce("floor", sf.lit(0)))
    return joined.where(sf.col("sequence") > reached).select(*events.columns)


def forgotten(state: DataFrame) -> DataFrame:
    """Give the `user_id` of those who were erased since the state was made. In: STATE_SCHEMA and `floor`."""
    return state.where("sequence <= floor").select("user_id")


def fold_difference(
    state: DataFrame, new: DataFrame, new_users: int, groups: int, as_of: datetime | None = None
) -> DataFrame:
    """Do what `fold` does, and pass users without new events on as they are.

    In: state (STATE_SCHEMA and `floor`), new (what `new_events` gave, of some `new_users` users). Out: FOLDED_SCHEMA.
    """
    touched = _small(new.select("user_id").distinct(), new_users)
    folded = fold(state.join(touched, "user_id", "left_semi"), new, groups, as_of)
    kept = state.where("floor is null or sequence > floor")
    return _carried(kept.join(touched, "user_id", "left_anti")).unionByName(folded)


def changed_films(catalog: DataFrame, base: DataFrame) -> DataFrame:
    """Give the `_id` of the films that are not the same in both catalogs, or not in both."""
    return catalog.subtract(base).unionAll(base.subtract(catalog)).select("_id").distinct()


def to_describe(folded: DataFrame, changed: DataFrame | None) -> DataFrame:
    """Give the users whose documents may differ from those of the base.

    In: folded (FOLDED_SCHEMA), changed (`_id` of films; None: there are none). Out: STATE_SCHEMA.
    """
    folded_anew = folded.where(~sf.col("is_carried"))
    if changed is None:
        return folded_anew.select(*STATE_SCHEMA.names)
    carried = folded.where("is_carried")
    held = carried.select("user_id", sf.explode("entries.movie_id").alias("_id"))
    holders = held.join(changed, "_id", "left_semi").select("user_id").distinct()
    return folded_anew.unionAll(carried.join(holders, "user_id", "left_semi")).select(*STATE_SCHEMA.names)


def _carried(state: DataFrame) -> DataFrame:
    """Rows of FOLDED_SCHEMA into which nothing was folded."""
    nothing = {
        "events": sf.lit(0).cast("long"),
        "first_event_time": sf.lit(None).cast("timestamp"),
        "last_event_time": sf.lit(None).cast("timestamp"),
        "pending": sf.array().cast(FOLDED_SCHEMA["pending"].dataType),
        "missing": sf.array().cast(FOLDED_SCHEMA["missing"].dataType),
        "is_carried": sf.lit(True),
    }
    return state.withColumns(nothing).select(*FOLDED_SCHEMA.names)


def _small(users: DataFrame, count: int) -> DataFrame:
    return sf.broadcast(users) if count <= BROADCAST_USERS else users
