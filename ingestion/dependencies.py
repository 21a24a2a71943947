"""Wires the ingestion API: the only module of it that constructs what talks to MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from cinematch.adapters.mongodb_catalog import AsyncCatalog
from cinematch.adapters.mongodb_change_groups import ChangeGroups, ChangeRequest, Overtaken, Reply
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_schema import ensure_key_retention, ensure_schema
from cinematch.adapters.mongodb_watchlists import AsyncWatchlists
from cinematch.api.resources import shared_resources
from cinematch.settings import Settings
from ingestion.change_line import ChangeLine
from ingestion.service import IngestionService


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Prepare the collections, then offer the service. Raises StoreUnavailable: without MongoDB there is no start.

    Kafka is no dependency: the outbox takes the events while it is away.
    """
    resources = shared_resources(app)
    await asyncio.to_thread(_prepare, resources.settings)
    database = resources.database
    patience = resources.settings.mongodb_timeout_seconds
    line: ChangeLine[ChangeRequest, Reply] = ChangeLine(ChangeGroups(database).carry_out, Overtaken, patience)
    yield {"ingestion_service": IngestionService(line, AsyncWatchlists(database), AsyncCatalog(database))}


async def ingestion_service(request: Request) -> IngestionService:
    """Give the service of the running application."""
    service: IngestionService = request.state.ingestion_service
    return service


def _prepare(settings: Settings) -> None:
    with connect(settings) as client:
        database = client[settings.mongodb_database]
        ensure_schema(database)
        ensure_key_retention(database, settings.idempotency_keep_seconds)
