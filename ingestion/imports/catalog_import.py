"""`cinematch import catalog`: films from a file of one JSON object a line, into the catalog."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.batches import batches
from cinematch.domain.watchlist import Film
from ingestion.imports.catalog_lines import CatalogLine, parse_catalog_line
from ingestion.imports.rows import Report, read_rows
from ingestion.progress import Advance

BATCH_FILMS: Final = 1_000


@dataclass(frozen=True, slots=True)
class CatalogImported:
    """What came of it: good lines, and how many films among them were new."""

    films: int
    new_films: int


def import_catalog(path: Path, catalog: CatalogWriter, report: Report, advance: Advance) -> CatalogImported:
    """Refresh the catalog from `path`; bad lines go to `report`, bytes read to `advance`.

    May run again, also after a crash: it refreshes the same entries. Memory: one batch. Raises ConfigurationError when
    the file cannot be read, StoreUnavailable.
    """
    films = new_films = 0
    for batch in batches(read_rows(path, parse_catalog_line, report, advance), BATCH_FILMS):
        films += len(batch)
        new_films += catalog.refresh([_known(line) for _, line in batch])
    return CatalogImported(films, new_films)


def _known(line: CatalogLine) -> tuple[Film, Collection[str]]:
    return line.film(), line.model_fields_set
