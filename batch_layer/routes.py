"""The batch layer's part of the API: a failed night shows on the health page, which then says `degraded`.

The API goes on without a night's batch: answers stay exact, and only take longer to merge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from cinematch.adapters.mongodb_client import AsynchronousDatabase
from cinematch.adapters.mongodb_generations import newest_generation
from cinematch.api.resources import shared_resources
from cinematch.errors import CineMatchError, StoreUnavailable

HEALTH_CHECK = "nightly_batch"


class NightFailed(CineMatchError):
    """The last batch run failed; the text says why."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Add the health check."""
    resources = shared_resources(app)
    resources.health.register(HEALTH_CHECK, lambda: check_last_night(resources.database), required=False)
    yield {}


async def check_last_night(database: AsynchronousDatabase) -> None:
    """Raise NightFailed when the last batch run failed. Without MongoDB nothing is known, which has its own check."""
    try:
        newest = await newest_generation(database)
    except StoreUnavailable:
        return
    if newest is not None and newest.reason is not None:
        raise NightFailed(f"generation {newest.number}: {newest.reason}")


router = APIRouter(lifespan=lifespan)
