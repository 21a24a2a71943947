"""Every user's list in MongoDB as a state to build on: the beginning of `cinematch batch run --from-lists`.

A list is read in one snapshot with its user's counter, so it is a row of the state like any other: what a replay of the
user's events 1 to `sequence` gives, whether or not anybody still has these events.

Why no event falls between the lists and the lake. Take an event of a user, and the sequence s of the user's list:

- up to s, it is in the list; the fold skips it, in this run and, should it reach the lake only later, in later ones;
- after s, and in the lake when this run looks, it is folded in, or has to wait and holds `resume_offsets` back: a run
  from the lists reads every object, as one from all events does;
- after s, and not in the lake yet, it comes into the lake behind what this run looked at, where the next run reads on.

So it does not matter which of the two is read first, nor that lists are read one after another, or that a snapshot may
be somewhat older than the moment it is asked for. The lists come first because they may take long: objects that
compaction replaces stay readable only for its grace period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Final

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from batch_layer.state import STATE_SCHEMA, Row, state_row
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_list_pages import ListPage, ListPages
from cinematch.adapters.mongodb_user_stats import StoredList
from cinematch.contracts.batch_state import state_lists_prefix
from cinematch.contracts.lake_paths import spark_uri
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.watchlist import Watchlist
from cinematch.settings import Settings

PAGES_OF_A_TASK: Final = 20
"""Some 4,000 users: what a failed task reads again, and what one file holds."""
ENTRIES_AT_ONCE: Final = 20_000
"""List entries of one Arrow batch, some 20 MB as Python objects; a list is in one batch, however long."""
_PAGES: Final = StructType([StructField("first", StringType(), False), StructField("end", StringType())])


def lists_uri(settings: Settings, number: int) -> str:
    """Name the folder of the lists that a generation began from, for Spark."""
    return spark_uri(settings.lake_bucket, state_lists_prefix(number))


def store_lists(spark: SparkSession, settings: Settings, number: int) -> None:
    """Write all lists, as rows of STATE_SCHEMA, beside the state that generation `number` will have.

    They are stored because lists change: whatever the run computes from them, it computes from the same ones.
    """
    pages = [(page.first, page.end) for page in _list_pages(settings).pages()]
    tasks = max(1, -(-len(pages) // PAGES_OF_A_TASK))
    rows = spark.createDataFrame(pages, _PAGES).repartition(tasks)
    rows.mapInArrow(partial(read_pages, settings), STATE_SCHEMA).write.parquet(lists_uri(settings, number))


def read_pages(settings: Settings, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read the lists of these pages, on the executor. In: `first`, `end` of each page. Out: STATE_SCHEMA."""
    schema = to_arrow_schema(STATE_SCHEMA, timezone="UTC")
    pages, lists = (ListPage(**row) for batch in batches for row in batch.to_pylist()), _list_pages(settings)
    for rows in portions(found for page in pages for found in lists.read(page)):
        yield pa.RecordBatch.from_pylist(rows, schema=schema)


def list_row(found: StoredList) -> Row:
    """Give a list of MongoDB as a row of the state."""
    entries = (read_movie(movie) for movie in found.movies)
    return state_row(found.user_id, Watchlist({entry.movie_id: entry for entry in entries}, found.sequence))


def portions(lists: Iterable[StoredList]) -> Iterator[list[Row]]:
    """Give rows by portions of no more entries than one batch should have, but for a list that is longer by itself."""
    rows: list[Row] = []
    entries = 0
    for found in lists:
        if rows and entries + len(found.movies) > ENTRIES_AT_ONCE:
            yield rows
            rows, entries = [], 0
        rows.append(list_row(found))
        entries += len(found.movies)
    if rows:
        yield rows


@cache
def _list_pages(settings: Settings) -> ListPages:
    """One client for each process, driver or worker."""
    return ListPages(mongodb_client.connect(settings), settings.mongodb_database)
