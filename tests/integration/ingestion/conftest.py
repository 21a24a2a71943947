"""The ingestion API on a real MongoDB, and a small catalog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.api.application import create_app
from cinematch.domain.watchlist import Film
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.settings import Settings
from ingestion.routes import router

FILMS = (
    Film("heat", "Heat", 1995, ("Crime", "Drama"), ("Michael Mann",), ("Al Pacino",), 170, "/posters/heat.svg"),
    Film("heat-1986", "Heat!", 1986),
    Film("ombra", "Città d'Ombra", 1998, ("Sci-Fi",)),
    Film("dollar", "A.I. $", None),
    Film("a/b", "Slashed"),
    *(Film(f"m{number:03}", f"Film no. {number}") for number in range(30)),
)


@pytest.fixture
def database(mongo_server: MongoServer, settings: Settings) -> Iterator[SyncDatabase]:
    """The test's database, with its schema and the films."""
    with connect(settings) as client:
        prepared = client[settings.mongodb_database]
        ensure_schema(prepared)
        CatalogWriter(prepared).add_missing(FILMS)
        yield prepared


@pytest.fixture
def api(database: SyncDatabase, settings: Settings) -> Iterator[TestClient]:
    """A client of the ingestion API; what the server raises comes as its answer."""
    with TestClient(create_app(settings, [router]), raise_server_exceptions=False) as client:
        yield client
