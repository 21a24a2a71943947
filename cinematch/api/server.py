"""The API's process: one uvicorn with one event loop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Final

import uvicorn
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts
from starlette.middleware import Middleware

from cinematch.api.application import create_app
from cinematch.api.connection import bounded_protocol
from cinematch.api.loopback_hosts import LoopbackHosts
from cinematch.metrics.exposition import tell_metrics
from cinematch.process_memory import keep_what_is_loaded
from cinematch.settings import Authentication, Settings

GRACE_SECONDS: Final = 10
FAILED_START: Final = 3
"""The exit status, as uvicorn's own command has it."""


class _Server(uvicorn.Server):
    """Tells the application when it is asked to end: an answer without an end would hold it up."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for _ in iter_route_contexts(self.config.app.routes):  # type: ignore[union-attr] # made when first asked for
            pass
        keep_what_is_loaded()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.ending = True  # type: ignore[union-attr] # ours is no name of an application
        super().handle_exit(sig, frame)


def run(settings: Settings, routers: Iterable[APIRouter] | None = None) -> None:
    """Serve on `api_host`:`api_port` until SIGTERM or SIGINT; requests under way are answered first.

    Metrics are told on METRICS_HOST:METRICS_PORT besides. The caller has configured logging. Raises ConfigurationError;
    exits the process with a status other than 0 when the start fails otherwise.
    """
    app = create_app(settings, routers)
    tell_metrics(settings, registry=app.state.metrics)
    if settings.auth is Authentication.OFF:
        app.user_middleware.append(Middleware(LoopbackHosts))
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http=bounded_protocol(settings.api_read_seconds),
        limit_concurrency=settings.api_connections_max + 1,  # uvicorn refuses the one that reaches its number
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    server.run()
    if not server.started:
        sys.exit(FAILED_START)
