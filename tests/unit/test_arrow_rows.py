"""Rows of Arrow tables are those that `to_pylist` gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.arrow_rows import rows_of

TIMES = st.datetimes()
ENTRY = pa.struct(
    [
        pa.field("movie_id", pa.string()),
        pa.field("genres", pa.list_(pa.string())),
        pa.field("watched_at", pa.timestamp("us", "UTC")),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string()),
        pa.field("sequence", pa.int64()),
        pa.field("rating", pa.float64()),
        pa.field("is_new", pa.bool_()),
        pa.field("document", pa.binary()),
        pa.field("at", pa.timestamp("us", "UTC")),
        pa.field("local", pa.timestamp("us")),
        pa.field("entries", pa.list_(ENTRY)),
        pa.field("last", ENTRY),
    ]
)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


ENTRIES = st.fixed_dictionaries(
    {
        "movie_id": maybe(st.text(max_size=3)),
        "genres": maybe(st.lists(maybe(st.text(max_size=3)), max_size=3)),
        "watched_at": maybe(TIMES.map(lambda time: time.replace(tzinfo=UTC))),
    }
)
ROWS = st.fixed_dictionaries(
    {
        "user_id": maybe(st.text(max_size=3)),
        "sequence": maybe(st.integers(-(2**63), 2**63 - 1)),
        "rating": maybe(st.floats(allow_nan=False)),
        "is_new": maybe(st.booleans()),
        "document": maybe(st.binary(max_size=3)),
        "at": maybe(TIMES.map(lambda time: time.replace(tzinfo=UTC))),
        "local": maybe(TIMES),
        "entries": maybe(st.lists(maybe(ENTRIES), max_size=4)),
        "last": maybe(ENTRIES),
    }
)


@given(rows=st.lists(ROWS, max_size=8), cut=st.integers(0, 8), chunks=st.integers(1, 3))
def test_rows_are_those_of_arrow_whatever_is_missing_and_however_they_are_cut(
    rows: list[dict[str, Any]], cut: int, chunks: int
) -> None:
    whole = pa.concat_tables([pa.Table.from_pylist(rows, schema=SCHEMA)] * chunks)
    part = whole.slice(cut)
    assert rows_of(part) == part.to_pylist()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_times_of_every_unit_are_aware_where_the_column_has_a_zone(unit: str) -> None:
    at = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
    column = pa.array([at, None], pa.timestamp(unit, "Europe/Rome"))
    assert rows_of(pa.table({"at": column})) == [{"at": at}, {"at": None}]
    assert rows_of(pa.table({"at": column}))[0]["at"].tzinfo is UTC
