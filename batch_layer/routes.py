"""The batch layer's part of the API: a failed or overdue night shows on the health page, which then says `degraded`.

The API goes on without a night's batch: answers stay exact, and only take longer to merge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from cinematch.adapters.mongodb_batch_status import read_batch_status
from cinematch.adapters.mongodb_client import AsynchronousDatabase
from cinematch.api.resources import shared_resources
from cinematch.errors import CineMatchError, StoreUnavailable

HEALTH_CHECK = "nightly_batch"


class NightFailed(CineMatchError):
    """The last batch run failed, or none has published for too long; the text says which."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Add the health check."""
    resources = shared_resources(app)
    max_age_seconds = resources.settings.batch_max_age_seconds
    resources.health.register(
        HEALTH_CHECK, lambda: check_last_night(resources.database, max_age_seconds), required=False
    )
    yield {}


async def check_last_night(database: AsynchronousDatabase, max_age_seconds: float) -> None:
    """Raise NightFailed when the nights are not as they should be (see `BatchStatus.fault`).

    Without MongoDB nothing is known, which has its own check.
    """
    try:
        status = await read_batch_status(database, max_age_seconds)
    except StoreUnavailable:
        return
    if status.fault is not None:
        raise NightFailed(status.fault)


router = APIRouter(lifespan=lifespan)
