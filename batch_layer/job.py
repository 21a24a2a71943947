"""The Spark job of a batch run: read the lake and the last state, compute, write the next generation.

Also a script: `spark-submit --jars JARS batch_layer/job.py [--full] [--as-of TIME]` does what `cinematch batch run`
does; settings come from the environment (SPARK_MASTER_URL, not --master).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from itertools import chain, dropwhile, islice
from typing import Final

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from batch_layer import transform
from batch_layer.batch_run import Built, Plan
from batch_layer.state import STATE_SCHEMA
from batch_layer.window import Window, window
from cinematch.adapters import mongodb_client, s3_objects
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.batch_state import state_prefix
from cinematch.contracts.collections import CATALOG
from cinematch.contracts.generations import CHUNK_ENTRIES, Generation
from cinematch.contracts.lake_paths import EVENTS_FOLDER, first_day_needed
from cinematch.errors import CineMatchError
from cinematch.settings import Settings
from cinematch.spark.lake_reader import read_lake_objects
from cinematch.spark.mongo_source import read_collection

DOCUMENTS_AT_ONCE: Final = 500
"""Rows of one Arrow batch on the way to MongoDB: a document has up to 50 KB, and lists come with it."""
WRITTEN: Final = "users long, chunks long"


class BatchJobFailed(CineMatchError):
    """Spark gave up; the text has the first line of its reason, the log has all of it."""


def build(spark: SparkSession, settings: Settings, plan: Plan) -> Built:
    """Compute and write generation `plan.number`: its state in the lake, its documents in MongoDB.

    Nothing that readers see changes. Raises StoreUnavailable, BatchJobFailed.
    """
    with _spark_errors():
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(DOCUMENTS_AT_ONCE))
        read = _window(settings, plan)
        events = read_lake_objects(spark, settings, read.keys)
        state = _read_state(spark, settings, plan.base)
        groups = _groups(plan.base, events)
        path = _state_uri(settings, plan.number)
        transform.fold(state, events, groups, plan.as_of).write.parquet(path)
        folded = spark.read.schema(transform.FOLDED_SCHEMA).parquet(path)
        _write_documents(spark, settings, plan, folded.select(*STATE_SCHEMA.names), groups)
        return _facts(folded, read)


def _window(settings: Settings, plan: Plan) -> Window:
    """Without a base everything is read; with one, the days of the window and what the base has not seen."""
    view = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER).view()
    if plan.base is None:
        return window(view, None, {})
    since = (plan.as_of or plan.started_at) - timedelta(days=settings.batch_window_days)
    return window(view, first_day_needed(since), plan.base.resume_offsets)


def _read_state(spark: SparkSession, settings: Settings, base: Generation | None) -> DataFrame:
    if base is None:
        return spark.createDataFrame([], STATE_SCHEMA)
    return spark.read.schema(STATE_SCHEMA).parquet(_state_uri(settings, base.number))


def _state_uri(settings: Settings, number: int) -> str:
    return f"s3a://{settings.lake_bucket}/{state_prefix(number)}"


def _groups(base: Generation | None, events: DataFrame) -> int:
    counts = events.agg(sf.approx_count_distinct("user_id").alias("users"), sf.count("*").alias("rows"))
    (new,) = counts.toArrow().to_pylist()
    known_users, known_films = (base.users, base.films) if base else (0, 0)
    return transform.groups_for(known_users + new["users"], known_films + new["rows"])


def _write_documents(spark: SparkSession, settings: Settings, plan: Plan, state: DataFrame, groups: int) -> None:
    catalog = read_collection(spark, settings, CATALOG, transform.CATALOG_SCHEMA)
    described = transform.documents(state, catalog, groups, plan.number, plan.started_at)
    described.mapInArrow(partial(write_documents, settings, plan.number), WRITTEN).collect()


def write_documents(settings: Settings, number: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write the documents of a partition, on the executor; how many were sent, by batch."""
    generations = _worker_generations(settings)
    for batch in batches:
        documents = batch.column("document").to_pylist()
        chunks = [chunk for chunks in batch.column("chunks").to_pylist() for chunk in chunks]
        generations.write_encoded(number, documents, chunks)
        yield pa.RecordBatch.from_pydict({"users": [len(documents)], "chunks": [len(chunks)]})


@cache
def _worker_generations(settings: Settings) -> MongoGenerations:
    """One client for each worker process."""
    return MongoGenerations(mongodb_client.connect(settings)[settings.mongodb_database])


def _facts(folded: DataFrame, read: Window) -> Built:
    films = sf.size("entries")
    facts = folded.agg(
        sf.count("*").alias("users"),
        _sum(films).alias("films"),
        _sum(sf.ceil(films / CHUNK_ENTRIES)).alias("chunks"),
        _sum(sf.col("events")).alias("events"),
        sf.count_if(sf.size("pending") > 0).alias("waiting_users"),
        sf.min("first_event_time").alias("first_event_time"),
        sf.max("last_event_time").alias("last_event_time"),
    )
    (row,) = facts.toArrow().to_pylist()  # collect() would give naive times, in the machine's own zone
    return Built(**row, resume_offsets=read.resume_offsets(_pending(folded)))


def _sum(column: Column) -> Column:
    return sf.coalesce(sf.sum(column), sf.lit(0)).cast("long")


def _pending(folded: DataFrame) -> dict[int, int]:
    waiting = folded.select(sf.explode("pending").alias("it")).groupBy("it.kafka_partition")
    return {row[0]: row[1] for row in waiting.agg(sf.min("it.kafka_offset")).collect()}


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
