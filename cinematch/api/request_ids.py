"""Gives every request an id and a trace; both are in each line that is logged meanwhile.

The id comes back in the response's header `X-Request-ID`. The trace is the client's (`traceparent`), else a new one. A
new one's id has the digits of the request's own id where that is a UUID, as all are that we give: who knows one knows
the other.
"""

from __future__ import annotations

import re
from typing import Any, Final

import uuid6
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from cinematch.spans import first_span, first_trace
from cinematch.tracing import TRACEPARENT, Trace, read_trace

HEADER: Final = "X-Request-ID"
_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_UUID: Final = re.compile(r"(?![0-]*$)[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


class RequestIds:
    """ASGI middleware. A client's own id is kept when it is harmless to log, else a UUIDv7 takes its place."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        trace, parent_id = _trace(headers, request_id)
        step = first_span("request", trace, parent_id, method=scope["method"], request_id=request_id)
        with bound_contextvars(request_id=request_id), step:
            await self._app(scope, receive, send_with_id)


def add_request_id(content: dict[str, Any], request: Request, response: Response) -> tuple[dict[str, Any], Response]:
    """Put the id on the answer to a defect of ours, which the framework sends past all middleware."""
    request_id = getattr(request.state, "request_id", None)
    if request_id is not None:
        response.headers[HEADER] = request_id
    return content, response


def _request_id(headers: Headers) -> str:
    own = headers.get(HEADER, "")
    return own if _ACCEPTABLE.fullmatch(own) else str(uuid6.uuid7())


def _trace(headers: Headers, request_id: str) -> tuple[Trace, str | None]:
    """Give the request's own place in its trace, and that of whoever asked."""
    told = read_trace(headers.get(TRACEPARENT))
    if told is not None:
        return told.step(), told.span_id
    digits = request_id.replace("-", "") if _UUID.fullmatch(request_id) else None
    return first_trace(digits), None
