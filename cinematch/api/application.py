"""The application: the routers of all layers, composed.

How a layer adds its routes:

1. `<layer>/routes.py` has `router = APIRouter(lifespan=lifespan, tags=[...])`, and pyproject.toml names it in the group
   `cinematch.routers`.
2. Its lifespan builds its services of `shared_resources(app)` (settings, the MongoDB client, health checks), opens what
   only it needs, registers a check for that, and yields a mapping, whose keys the routes find in `request.state`:

       @asynccontextmanager
       async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
           resources = shared_resources(app)
           async with connect_redis(resources.settings) as redis:
               resources.health.register("redis", redis.ping, required=False)
               yield {"stats": UserStatsService(resources.database, redis)}

       def stats_service(request: Request) -> UserStatsService:
           return request.state.stats

3. Its routes raise the errors of `cinematch.errors`, or a `StatusProblem` of their own when the answer needs more
   members; `cinematch.api.problems` turns both into problem+json. They declare `responses=problem_responses(404, 503)`.
4. They return a pydantic model (the framework encodes it in Rust), or an `OrjsonResponse` of plain values.
5. Inputs use the annotated types of `cinematch.contracts.event_codec` (`Identifier`, `Rating`, ...): strict, so that
   {"$gt": ""} is no string, and free of control characters.

A test gives `create_app` settings and the routers that it wants, and runs the lifespan around its requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from cinematch.api import health
from cinematch.api.body_limit import BodyLimit
from cinematch.api.health import HealthChecks
from cinematch.api.problems import install_problems
from cinematch.api.request_ids import RequestIds
from cinematch.api.resources import lifespan
from cinematch.api.routers import installed_routers
from cinematch.settings import Settings

MAX_BODY_BYTES: Final = 65_536
"""Ten times the largest request that can be valid."""


def create_app(settings: Settings, routers: Iterable[APIRouter] | None = None) -> FastAPI:
    """Compose the health pages and `routers` (default: those of every installed layer). Nothing is connected yet."""
    app = FastAPI(
        title="CineMatch",
        summary="Watchlists of films with exact statistics, live.",
        version="1",
        lifespan=lifespan,
        middleware=[Middleware(RequestIds), Middleware(BodyLimit, limit_bytes=MAX_BODY_BYTES)],
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.health = HealthChecks()
    for router in (health.router, *(installed_routers().values() if routers is None else routers)):
        app.include_router(router)
    install_problems(app)
    return app
