"""`/metrics` of the API: what the layers' routes count, this process, and every HTTP request by its route.

The process tells the same on METRICS_HOST:METRICS_PORT (`cinematch.metrics.exposition`), as every layer does, for a
Prometheus on the inner network that has no token.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_fastapi_instrumentator.metrics import latency, requests
from prometheus_fastapi_instrumentator.middleware import PrometheusInstrumentatorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from cinematch.api.access import Access, open_to
from cinematch.api.guarded_route import GuardedRoute
from cinematch.metrics.catalogue import PROBLEMS
from cinematch.metrics.exposition import Collected
from cinematch.metrics.instruments import counter

PATH: Final = "/metrics"
HTTP_BUCKETS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds."""
NO_ROUTE: Final = "none"
"""What stands for a path that no route has: paths that people try are without number."""

router = APIRouter(include_in_schema=False, route_class=GuardedRoute)


@router.get(PATH)
@open_to(Access.METRICS)
def metrics(request: Request) -> Response:
    """Tell all figures in Prometheus's text format; in a thread, for it takes some milliseconds."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)


def install_metrics(app: FastAPI) -> None:
    """Measure every request of `app` but those for its metrics; another application has figures of its own.

    `app.state.metrics` is all that `/metrics` tells.
    """
    http = CollectorRegistry()
    measures = (
        requests(registry=http),
        latency(registry=http, buckets=HTTP_BUCKETS, should_exclude_streaming_duration=True),
    )
    app.add_middleware(
        _Measured,  # type: ignore[arg-type] # the library's `__call__` says not what it gives
        instrumentations=[measure for measure in measures if measure],
        excluded_handlers=[f"^{PATH}$"],
    )
    app.state.metrics = _together(REGISTRY, http)
    app.include_router(router)


def _together(*parts: CollectorRegistry) -> CollectorRegistry:
    """Give a registry that tells what all of these tell."""
    whole = CollectorRegistry()
    for part in parts:
        whole.register(Collected(part.collect))
    return whole


class _Measured(PrometheusInstrumentatorMiddleware):
    """Remembers the routes whose path does not vary: the library would ask all routes, for each request once more."""

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        super().__init__(app, **options)
        self._known: dict[tuple[str, str], tuple[str, bool]] = {}

    def _get_handler(self, request: Request) -> tuple[str, bool]:
        asked = request.method, request.scope["path"]
        handler = self._known.get(asked) or super()._get_handler(request)
        if handler == (asked[1], True):
            self._known[asked] = handler
        return handler


def count_problem(content: dict[str, Any], request: Request, response: Response) -> tuple[dict[str, Any], Response]:
    """Count an error by the kind of its problem and the route that was asked."""
    reason = str(content["type"]).rpartition(":")[2]
    route = getattr(request.scope.get("route"), "path", NO_ROUTE)
    counter(PROBLEMS).labels(request.method, route, reason).inc()
    return content, response
