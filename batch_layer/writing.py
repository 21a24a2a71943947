"""Describing users and writing their documents, on Spark's workers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast
from pyspark.sql import DataFrame

from batch_layer.description import CatalogColumns, describe
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.settings import Settings

USERS_AT_ONCE: Final = 500
ENTRIES_AT_ONCE: Final = 50_000
"""Both bound what is in memory at once, some 50 MB as Python objects, and 20 MB of documents."""
WRITTEN: Final = "users long, chunks long"


def write_described(
    state: DataFrame, catalog: DataFrame, settings: Settings, number: int, updated_at: datetime, *, replace: bool
) -> None:
    """Write the documents of every user of a state into generation `number`.

    With `replace`, in place of what was carried over of these users. Every worker gets the whole catalog once: that is
    less than each film of each list would be.
    """
    films = state.sparkSession.sparkContext.broadcast(catalog.toArrow())
    try:
        write = partial(write_documents, settings, number, updated_at, films, replace=replace)
        state.mapInArrow(write, WRITTEN).collect()
    finally:
        films.destroy()


def write_documents(
    settings: Settings,
    number: int,
    updated_at: datetime,
    catalog: Broadcast[pa.Table],
    batches: Iterator[pa.RecordBatch],
    *,
    replace: bool,
) -> Iterator[pa.RecordBatch]:
    """Describe the users of a partition and write their documents; how many were sent, by portion.

    A repeated task does the same again.
    """
    generations, columns = generations_of(settings), _columns(catalog)
    for portion in (portion for batch in batches for portion in portions(batch)):
        described = describe(portion, columns, number, updated_at)
        chunks = [chunk for user in described for chunk in user.chunks]
        if replace:
            generations.remove(number, [user.user_id for user in described])
        generations.write_encoded(number, [user.document for user in described], chunks)
        yield pa.RecordBatch.from_pydict({"users": [len(described)], "chunks": [len(chunks)]})


def portions(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch where a portion would have too many users or entries; a list is in one portion, however long."""
    start = entries = 0
    for row, length in enumerate(pc.list_value_length(batch.column("entries")).to_pylist()):
        if row > start and (row - start == USERS_AT_ONCE or entries + length > ENTRIES_AT_ONCE):
            yield batch.slice(start, row - start)
            start, entries = row, 0
        entries += length
    if start < batch.num_rows:
        yield batch.slice(start)


@cache
def generations_of(settings: Settings) -> MongoGenerations:
    """One client for each process, driver or worker."""
    return MongoGenerations(mongodb_client.connect(settings)[settings.mongodb_database])


@lru_cache(maxsize=1)
def _columns(catalog: Broadcast[pa.Table]) -> CatalogColumns:
    """The catalog of this run, made once for each process."""
    return CatalogColumns(catalog.value)
