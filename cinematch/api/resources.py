"""What all routers share while the application runs: the settings and one connection to MongoDB.

A router reaches these in its own lifespan, by `shared_resources(app)`, and builds its services of them there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from cinematch.adapters import redis_client
from cinematch.adapters.mongodb_client import AsynchronousClient, AsynchronousDatabase, connect_async
from cinematch.adapters.redis_rate_limits import RedisCounts
from cinematch.api.health import HealthChecks
from cinematch.api.rate_limits import configured_limits
from cinematch.settings import Settings


@dataclass(frozen=True, slots=True)
class SharedResources:
    """`health` takes the checks of whatever else a router connects to; MongoDB is among them already."""

    settings: Settings
    mongodb: AsynchronousClient
    health: HealthChecks

    @property
    def database(self) -> AsynchronousDatabase:
        """Our database."""
        return self.mongodb[self.settings.mongodb_database]


def shared_resources(app: FastAPI) -> SharedResources:
    """Give what the running application shares."""
    resources: SharedResources = app.state.resources
    return resources


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the shared resources before any router's own lifespan begins, and close them after the last has ended."""
    settings: Settings = app.state.settings
    async with connect_async(settings) as mongodb, _counting(app, settings):
        resources = SharedResources(settings, mongodb, app.state.health)
        resources.health.register("mongodb", lambda: resources.database.command("ping"))
        app.state.resources = resources
        yield


@asynccontextmanager
async def _counting(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Let requests be counted in Redis, where they have a limit at all."""
    if configured_limits(settings) is None:
        yield
        return
    async with redis_client.connect_async(settings) as redis:
        app.state.request_counts.connect(RedisCounts(redis))
        yield
