"""The catalog's writer on a real MongoDB: an entry says that it was changed when it was, and only then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.contracts.catalog_document import catalog_document
from cinematch.domain.watchlist import Film

pytestmark = pytest.mark.integration
FILM = Film("x1", "The $title of $$NOW", 1998, ("$genres", "a.b"), ("$$ROOT",), ("A",), 99, "/posters/$x.svg")


@pytest.fixture
def catalog(database: SyncDatabase) -> CatalogWriter:
    return CatalogWriter(database)


def stored(database: SyncDatabase, movie_id: str = "x1") -> dict[str, Any]:
    document = database["catalog"].find_one({"_id": movie_id})
    assert document is not None
    return document


def test_what_is_written_again_as_it_is_stays_as_it_is(catalog: CatalogWriter, database: SyncDatabase) -> None:
    assert catalog.put([FILM]) == 1
    first = stored(database)
    assert catalog.put([FILM, FILM]) == 0
    assert catalog.refresh([(replace(FILM, year=None), ("genres",)), (FILM, ("year",))]) == 0
    assert stored(database) == first


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Other"},
        {"year": None},
        {"genres": ("a.b", "$genres")},
        {"directors": ()},
        {"actors": ("A", "B")},
        {"runtime_minutes": 100},
        {"poster_path": None},
    ],
)
def test_whatever_differs_is_written_and_dated(
    catalog: CatalogWriter, database: SyncDatabase, change: dict[str, Any]
) -> None:
    catalog.put([FILM])
    first = stored(database)
    corrected = replace(FILM, **change)
    assert catalog.put([corrected]) == 0
    second = stored(database)
    assert second.pop("changed_at") > first["changed_at"]
    assert second == catalog_document(corrected)


def test_text_with_dots_and_dollars_is_data(catalog: CatalogWriter, database: SyncDatabase) -> None:
    catalog.refresh([(FILM, ("genres", "actors"))])
    document = stored(database)
    document.pop("changed_at")
    assert document == catalog_document(FILM)


def test_a_field_that_is_not_known_keeps_what_the_catalog_has(catalog: CatalogWriter, database: SyncDatabase) -> None:
    catalog.put([FILM])
    catalog.refresh([(Film("x1", FILM.title, 2001), ("year",))])
    document = stored(database)
    document.pop("changed_at")
    assert document == catalog_document(replace(FILM, year=2001))


def test_films_that_are_there_are_not_touched_by_adding_what_lacks(
    catalog: CatalogWriter, database: SyncDatabase
) -> None:
    catalog.put([FILM])
    first = stored(database)
    assert catalog.add_missing([replace(FILM, title="Other"), Film("x2", "New")]) == 1
    assert stored(database) == first
    assert stored(database, "x2") == catalog_document(Film("x2", "New"))
