"""Refuses requests that name another server than this machine: the defence against DNS rebinding with AUTH=off."""

from __future__ import annotations

from fastapi_problem.error import StatusProblem
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cinematch.api.exposure import is_loopback_host
from cinematch.api.problems import answer_with


class Misdirected(StatusProblem):
    """The request was meant for another server."""

    type_ = "misdirected-request"
    title = "Misdirected request"
    status = 421


class LoopbackHosts:
    """ASGI middleware: lets only those pass who asked for localhost, or an address of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or is_loopback_host(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return
        problem = Misdirected("without authentication this server answers under names of this machine only")
        await answer_with(problem, scope, receive, send)
