"""What a generation stores of a user: the batch document, and the whole list in chunks, as BSON. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

from batch_layer.state import read_watchlist
from cinematch.adapters.mongodb_generations import encode
from cinematch.arrow_rows import rows_of
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.catalog_document import read_film
from cinematch.contracts.generations import list_chunks
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film
from cinematch.process_memory import without_collections

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
FILMS_KEPT: Final = 100_000
"""Films that a process keeps as objects, some 100 MB at most."""


class Described(NamedTuple):
    """A user's documents, encoded."""

    user_id: str
    document: bytes
    chunks: list[bytes]


class CatalogColumns:
    """A catalog of CATALOG_SCHEMA; of its films those that were asked for last are objects."""

    def __init__(self, catalog: pa.Table) -> None:
        self._catalog = catalog.combine_chunks()
        self._rows = {movie_id: row for row, movie_id in enumerate(catalog["_id"].to_pylist())}
        self._film = lru_cache(FILMS_KEPT)(self._read)

    def films(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        """Give those of the films that the catalog has."""
        return {movie_id: self._film(movie_id) for movie_id in movie_ids if movie_id in self._rows}

    def _read(self, movie_id: str) -> Film:
        (row,) = self._catalog.slice(self._rows[movie_id], 1).to_pylist()
        return read_film(row)


def describe(
    state: pa.RecordBatch | pa.Table, catalog: CatalogColumns, generation: int, updated_at: datetime
) -> list[Described]:
    """Describe every user of a state (STATE_SCHEMA; further columns are ignored)."""
    with without_collections():
        films = catalog.films(_films_held(state))
        return [_described(row, films, generation, updated_at) for row in rows_of(state)]


def _films_held(state: pa.RecordBatch | pa.Table) -> list[str]:
    entries = pc.list_flatten(state["entries"])
    movie_ids: list[str] = pc.unique(pc.struct_field(entries, "movie_id")).to_pylist()
    return movie_ids


def _described(row: dict[str, Any], films: Mapping[str, Film], generation: int, updated_at: datetime) -> Described:
    user_id, watchlist = row["user_id"], read_watchlist(row)
    document = batch_document(user_id, summarise(watchlist, films), generation, updated_at)
    return Described(user_id, encode(document), [encode(chunk) for chunk in list_chunks(user_id, watchlist)])
