"""The Spark job of a batch run: read the lake and the last state, compute, write the next generation.

Also a script: `spark-submit --jars JARS batch_layer/job.py` does what `cinematch batch run` does, and takes the same
options; settings come from the environment (SPARK_MASTER_URL, not --master).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, dropwhile, islice
from typing import Final
from urllib.parse import unquote

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from batch_layer import transform
from batch_layer.batch_run import Built, Plan
from batch_layer.columnar_fold import COLUMNS_READ, FOLDED_SCHEMA
from batch_layer.description import CATALOG_SCHEMA
from batch_layer.difference import changed_films, fold_difference, forgotten, new_events, to_describe
from batch_layer.lists import lists_uri, store_lists
from batch_layer.state import STATE_SCHEMA
from batch_layer.window import Window, window
from batch_layer.writing import generations_of, write_described
from cinematch.adapters import s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.batch_document import DOCUMENT_VERSION
from cinematch.contracts.batch_state import state_catalog_prefix, state_prefix
from cinematch.contracts.collections import CATALOG, ERASURES
from cinematch.contracts.generations import CHUNK_ENTRIES
from cinematch.contracts.lake_paths import EVENTS_FOLDER, first_day_needed, spark_uri
from cinematch.contracts.missing_events import Gap
from cinematch.errors import CineMatchError
from cinematch.settings import Settings
from cinematch.spark.lake_reader import read_lake_objects
from cinematch.spark.mongo_source import read_collection

MOST_TO_REPLACE: Final = 0.5
"""The share of users beyond which it costs less to describe everybody than to carry over and replace."""
ASKED_FOR_USERS: Final = 50_000
"""Of so many users one run asks the outbox for what lacks in the lake: some 50 MB in the driver at most."""
FILMS: Final = "size(entries.movie_id)"
"""SQL for the length of a list, for which one column of the entries is read and not all."""


class BatchJobFailed(CineMatchError):
    """Spark gave up; the text has the first line of its reason, the log has all of it."""


def build(spark: SparkSession, settings: Settings, plan: Plan) -> Built:
    """Compute and write generation `plan.number`: its state in the lake, its documents in MongoDB.

    Only what has changed since the base is computed (see `difference`). Nothing that readers see changes. Raises
    StoreUnavailable, BatchJobFailed.
    """
    with _spark_errors(), _floors(spark, settings) as floors:
        if plan.from_lists:
            store_lists(spark, settings, plan.number)
        read = _window(settings, plan)
        folded = _fold(spark, settings, plan, read.keys, floors)
        _write_documents(spark, settings, plan, folded, floors)
        return _facts(folded, read, plan.number)


def _window(settings: Settings, plan: Plan) -> Window:
    """Without a base, or from the lists, everything is read; else the window's days and what the base has not seen."""
    view = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER).view()
    if plan.base is None:
        return window(view, None, {})
    since = (plan.as_of or plan.started_at) - timedelta(days=settings.batch_window_days)
    return window(view, first_day_needed(since), plan.base.resume_offsets)


@contextmanager
def _floors(spark: SparkSession, settings: Settings) -> Iterator[DataFrame | None]:
    """Give one state of the tombstones for the whole run: who is erased meanwhile is erased by the next one."""
    with _kept(read_collection(spark, settings, ERASURES, transform.FLOORS_SCHEMA)) as floors:
        yield floors if floors.count() else None


@contextmanager
def _kept(rows: DataFrame) -> Iterator[DataFrame]:
    """Compute these rows once within the block, and keep them no longer: the next run would get the same ones."""
    rows.persist()
    try:
        yield rows
    finally:
        rows.unpersist()


def _fold(
    spark: SparkSession, settings: Settings, plan: Plan, keys: Sequence[str], floors: DataFrame | None
) -> DataFrame:
    """Write the new state, and give it as it was written."""
    path, base = state_uri(settings, plan.number), _base(spark, settings, plan)
    if base is None:
        events = _events(spark, settings, keys, floors)
        found = _count(events)
        state = spark.createDataFrame([], STATE_SCHEMA)
        folded = transform.fold(state, events, transform.groups_for(found.users, found.rows), plan.as_of)
        folded.write.parquet(path)
    else:
        state = _state(spark, base.uri, floors)
        with_news = _with_news(spark, settings, keys, state, base.size.users, floors)
        with _kept(new_events(_events(spark, settings, with_news, floors), state, base.size.users)) as new:
            found = _count(new)
            films = found.users * base.size.rows // max(1, base.size.users)
            groups = transform.groups_for(found.users, found.rows + films)
            folded = fold_difference(state, new, found.users, groups, plan.as_of)
            mode = "append" if plan.from_lists else "errorifexists"  # the lists are there, too
            folded.write.mode(mode).parquet(path)
    return spark.read.schema(FOLDED_SCHEMA).parquet(path)


def _events(spark: SparkSession, settings: Settings, keys: Sequence[str], floors: DataFrame | None) -> DataFrame:
    """Read what a fold needs of these objects."""
    return transform.with_floors(read_lake_objects(spark, settings, keys).select(*COLUMNS_READ), floors)


def _with_news(
    spark: SparkSession, settings: Settings, keys: Sequence[str], state: DataFrame, users: int, floors: DataFrame | None
) -> list[str]:
    """Give the objects with an event that the state has not: seldom those of the window that earlier runs have read.

    Only two columns of all objects are read for it.
    """
    places = read_lake_objects(spark, settings, keys).select("user_id", "sequence", sf.input_file_name().alias("file"))
    news = new_events(transform.with_floors(places, floors), state, users).select("file").distinct()
    by_uri = {spark_uri(settings.lake_bucket, key): key for key in keys}
    return [by_uri[unquote(row.file)] for row in news.collect()]  # a name that is not among them must end the run


def _base(spark: SparkSession, settings: Settings, plan: Plan) -> _Base | None:
    """Name the state to build on; None: from every event ever."""
    if plan.from_lists:
        uri = lists_uri(settings, plan.number)
        return _Base(uri, _size(_stored_state(spark, uri)))
    if plan.base is None:
        return None
    return _Base(state_uri(settings, plan.base.number), _Size(plan.base.users, plan.base.films))


def _state(spark: SparkSession, uri: str, floors: DataFrame | None) -> DataFrame:
    return transform.with_floors(_stored_state(spark, uri), floors)


def _stored_state(spark: SparkSession, uri: str) -> DataFrame:
    return spark.read.schema(STATE_SCHEMA).parquet(uri)


def _write_documents(
    spark: SparkSession, settings: Settings, plan: Plan, folded: DataFrame, floors: DataFrame | None
) -> None:
    """Describe everybody; or carry the base's documents over, and describe those whose may differ from it."""
    catalog = _stored_catalog(spark, settings, plan.number)
    users, base = folded.select(*STATE_SCHEMA.names), plan.base
    if base is not None and base.document_version == DOCUMENT_VERSION:
        changed = changed_films(catalog, _read_catalog(spark, settings, base.number))
        stale = to_describe(folded, changed if changed.take(1) else None)
        if stale.count() <= base.users * MOST_TO_REPLACE:
            generations = generations_of(settings)
            generations.carry_over(base.number, plan.number, plan.started_at)
            erased = forgotten(_state(spark, state_uri(settings, base.number), floors)).collect()
            generations.remove(plan.number, [row.user_id for row in erased])
            spread = stale.repartition(spark.sparkContext.defaultParallelism)  # they may lie in one file
            return write_described(spread, catalog, settings, plan.number, plan.started_at, replace=True)
    return write_described(users, catalog, settings, plan.number, plan.started_at, replace=False)


def _stored_catalog(spark: SparkSession, settings: Settings, number: int) -> DataFrame:
    """Store the catalog beside the state: the documents are made with what the next run compares its own with."""
    catalog = read_collection(spark, settings, CATALOG, CATALOG_SCHEMA)
    catalog.write.parquet(_catalog_uri(settings, number))
    return _read_catalog(spark, settings, number)


def _read_catalog(spark: SparkSession, settings: Settings, number: int) -> DataFrame:
    return spark.read.schema(CATALOG_SCHEMA).parquet(_catalog_uri(settings, number))


def state_uri(settings: Settings, number: int) -> str:
    """Name the folder of a generation's state for Spark."""
    return spark_uri(settings.lake_bucket, state_prefix(number))


def _catalog_uri(settings: Settings, number: int) -> str:
    return spark_uri(settings.lake_bucket, state_catalog_prefix(number))


@dataclass(frozen=True, slots=True)
class _Size:
    """Users, and their events or list entries."""

    users: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Base:
    """A state to build on, where it is stored and how large it is."""

    uri: str
    size: _Size


def _count(events: DataFrame) -> _Size:
    """Count events, and about how many users they are of."""
    counts = events.agg(sf.approx_count_distinct("user_id").alias("users"), sf.count("*").alias("rows"))
    return _Size(**counts.toArrow().to_pylist()[0])


def _size(state: DataFrame) -> _Size:
    counts = state.agg(sf.count("*").alias("users"), _sum(FILMS).alias("rows"))
    return _Size(**counts.toArrow().to_pylist()[0])


def _facts(folded: DataFrame, read: Window, number: int) -> Built:
    facts = folded.agg(
        sf.count("*").alias("users"),
        _sum(FILMS).alias("films"),
        _sum(f"ceil({FILMS} / {CHUNK_ENTRIES})").alias("chunks"),
        _sum("events").alias("events"),
        sf.count_if(sf.size("pending") > 0).alias("waiting_users"),
        sf.min("first_event_time").alias("first_event_time"),
        sf.max("last_event_time").alias("last_event_time"),
    )
    (row,) = facts.toArrow().to_pylist()  # collect() would give naive times, in the machine's own zone
    waits = row["waiting_users"] > 0
    missing = _missing(folded, number) if waits else {}
    return Built(**row, resume_offsets=read.resume_offsets(_pending(folded)), missing=missing)


def _sum(expression: str) -> Column:
    return sf.coalesce(sf.sum(sf.expr(expression)), sf.lit(0)).cast("long")


def _pending(folded: DataFrame) -> dict[int, int]:
    waiting = folded.select(sf.explode("pending").alias("it")).groupBy("it.kafka_partition")
    return {row[0]: row[1] for row in waiting.agg(sf.min("it.kafka_offset")).collect()}


def _missing(folded: DataFrame, number: int) -> dict[str, list[Gap]]:
    """Give what lacks, by user: each night of other users, so that those whose events nobody has hide no others."""
    lacking = folded.where(sf.size("missing") > 0).orderBy(sf.xxhash64("user_id", sf.lit(number)))
    rows = lacking.select("user_id", "missing").limit(ASKED_FOR_USERS).collect()
    return {row.user_id: [Gap(gap.first, gap.last) for gap in row.missing] for row in rows}


@contextmanager
def _spark_errors() -> Iterator[None]:
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise BatchJobFailed(f"the Spark job failed: {first_cause(str(error))}") from error


def first_cause(text: str) -> str:
    """Give the line of an error of Spark that says it.

    That is the one below a Python worker's traceback, else the JVM's innermost cause, else the first one.
    """
    lines = text.strip().splitlines() or ["it gave no reason"]
    traceback = dropwhile(lambda line: not line.startswith("Traceback"), lines)
    in_worker = (line for line in islice(traceback, 1, None) if line[:1].strip())
    in_jvm = (line.removeprefix("Caused by: ") for line in reversed(lines) if line.startswith("Caused by: "))
    on_top = (line.removeprefix(": ") for line in lines if line.startswith(": "))
    return next(chain(in_worker, in_jvm, on_top, lines))


if __name__ == "__main__":
    from batch_layer.commands import submitted

    sys.exit(submitted())
