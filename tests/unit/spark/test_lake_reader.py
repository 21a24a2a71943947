"""Spark's columns of the lake are those of the contract."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from cinematch.contracts.lake_schema import EVENTS_SCHEMA
from cinematch.spark.lake_reader import LAKE_EVENTS


def test_sparks_columns_are_those_of_the_contract() -> None:
    def plain(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_timestamp(kind):
            return pa.timestamp("us", tz="UTC")  # Spark's own resolution
        return pa.list_(pa.string()) if pa.types.is_list(kind) else kind

    ours = [(field.name, plain(field.type)) for field in EVENTS_SCHEMA]
    assert ours == [(field.name, plain(field.type)) for field in to_arrow_schema(LAKE_EVENTS, timezone="UTC")]
