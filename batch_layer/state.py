"""The per-user state of a generation: every user's list after their event `sequence`, one Parquet row a user.

It is all that the next generation needs of the history before its window.
"""

from __future__ import annotations

from typing import Any, Final

from pyspark.sql.types import ArrayType, IntegerType, LongType, StringType, StructField, StructType, TimestampType

from cinematch.contracts.batch_document import entry_document, read_entry
from cinematch.domain.watchlist import Watchlist

Row = dict[str, Any]

ENTRY_SCHEMA: Final = StructType(
    [
        StructField("movie_id", StringType(), False),
        StructField("title", StringType(), False),
        StructField("genres", ArrayType(StringType(), False), False),
        StructField("rating_tenths", IntegerType()),
        StructField("watched_at", TimestampType(), False),
        StructField("added_at", TimestampType(), False),
    ]
)
STATE_SCHEMA: Final = StructType(
    [
        StructField("user_id", StringType(), False),
        StructField("sequence", LongType(), False),
        StructField("entries", ArrayType(ENTRY_SCHEMA, False), False),
    ]
)


def state_row(user_id: str, watchlist: Watchlist) -> Row:
    """Give a user's list as a row of the state; entries by movie_id."""
    entries = sorted(watchlist.entries.values(), key=lambda entry: entry.movie_id)
    return {
        "user_id": user_id,
        "sequence": watchlist.sequence,
        "entries": [entry_document(entry) for entry in entries],
    }


def read_watchlist(row: Row) -> Watchlist:
    """Give back the list of `state_row`."""
    entries = (read_entry(fields) for fields in row["entries"])
    return Watchlist({entry.movie_id: entry for entry in entries}, row["sequence"])
