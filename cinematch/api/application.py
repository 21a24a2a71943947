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

3. Its routes are of the class `StrictRoute` and declare who may call them: `cinematch.api.access`.

4. They raise the errors of `cinematch.errors`, or a `StatusProblem` of their own when the answer needs more
   members; `cinematch.api.problems` turns both into problem+json. They declare `responses=problem_responses(404, 503)`.
5. They return a pydantic model (the framework encodes it in Rust), or an `OrjsonResponse` of plain values.
6. Inputs use the annotated types of `cinematch.contracts.event_codec` (`Identifier`, `Rating`, ...): strict, so that
   {"$gt": ""} is no string, and free of control characters.

7. Its paths are plain (`/movies`). Each answers as `/v1/movies`, which the documentation shows, and as `/movies`, which
   is the same route under the name of the original design. A router of pages (`APIRouter(include_in_schema=False)`) has
   its plain paths alone. A route's function name is its operation id, so it must be the API's only one of that name.

A test gives `create_app` settings and the routers that it wants, and runs the lifespan around its requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match
from starlette.types import Scope

from cinematch.api import documentation_page, health
from cinematch.api.access_documentation import describe_access
from cinematch.api.body_limit import BodyLimit
from cinematch.api.exposure import check_exposure
from cinematch.api.guard import Guard
from cinematch.api.health import HealthChecks
from cinematch.api.metrics import install_metrics
from cinematch.api.problems import install_problems
from cinematch.api.rate_limits import RateLimits, SharedCounts, configured_limits
from cinematch.api.request_ids import RequestIds
from cinematch.api.resources import lifespan
from cinematch.api.routers import installed_routers
from cinematch.api.security_headers import SecurityHeaders
from cinematch.api.tokens import token_verifier
from cinematch.settings import Authentication, Settings

VERSION_PREFIX: Final = "/v1"
MAX_BODY_BYTES: Final = 65_536
"""Ten times the largest request that can be valid."""
CORS: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "POST", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-Request-ID"],
    "expose_headers": ["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"],
    "max_age": 600,
}
"""What pages of other sites that are allowed may send and see; cookies are not among it, so they bring a token."""


def create_app(settings: Settings, routers: Iterable[APIRouter] | None = None) -> FastAPI:
    """Compose the health pages and `routers` (default: those of every installed layer). Nothing is connected yet.

    Raises ConfigurationError when everybody could reach an API that asks nobody who calls.
    """
    check_exposure(settings)
    app = FastAPI(
        title="CineMatch",
        summary="Watchlists of films with exact statistics, live.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # ours: `documentation_page`
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.settings = settings
    app.state.ending = False  # streams without an end look at it
    app.state.health = HealthChecks()
    app.state.request_counts = SharedCounts()
    app.state.guard = Guard(token_verifier(settings) if settings.auth is Authentication.JWT else None)
    app.user_middleware.extend(_middleware(settings, app.state.request_counts))
    install_metrics(app)
    _include(app, installed_routers().values() if routers is None else routers)
    app.include_router(health.router)
    app.include_router(documentation_page.router)
    if app.state.guard.is_on:
        limited = configured_limits(settings) is not None
        app.openapi = describe_access(app, limited=limited)  # type: ignore[method-assign] # FastAPI's documented way
    install_problems(app)
    return app


def _middleware(settings: Settings, counts: SharedCounts) -> Iterator[Middleware]:
    """Give what every request passes, the outermost first."""
    yield Middleware(SecurityHeaders)
    yield Middleware(RequestIds)
    if settings.cors_origins:
        yield Middleware(CORSMiddleware, allow_origins=settings.cors_origins, **CORS)
    if (limits := configured_limits(settings)) is not None:
        user, address = limits
        yield Middleware(RateLimits, counts=counts, user=user, address=address)
    yield Middleware(BodyLimit, limit_bytes=MAX_BODY_BYTES, limit_seconds=settings.api_read_seconds)


def _include(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Include the layers' routes under their plain paths and under the version's prefix, and each lifespan once."""
    api, pages = _Versioned(), []
    for router in routers:
        if router.include_in_schema:
            api.include_router(router)
        else:
            pages.append(router)
    plain = _Plain(routes=api.routes)  # the same routes, without the lifespans that `api` has
    app.include_router(plain, include_in_schema=False)
    app.include_router(api, prefix=VERSION_PREFIX)
    for page in pages:
        app.include_router(page)


class _Versioned(APIRouter):
    """Routes under the version's prefix: for another path none of them need be asked, and there are dozens."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if _is_versioned(scope) else (Match.NONE, {})


class _Plain(APIRouter):
    """Routes without that prefix, likewise."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if _is_versioned(scope) else super().matches(scope)


def _is_versioned(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).startswith(f"{VERSION_PREFIX}/")


def _operation_id(route: APIRoute) -> str:
    return route.name
