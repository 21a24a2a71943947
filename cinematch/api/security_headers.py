"""What every answer, errors too, tells a browser that it may not do with it."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final = {
    # Data are no page: nothing may be loaded from them, and nobody may show them in a frame. Pages bring their own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
TLS_HEADERS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""A year; for answers that came by TLS, as a trusted proxy says."""
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_RAW_TLS: Final = [*_RAW, *((name.lower().encode(), value.encode()) for name, value in TLS_HEADERS.items())]
_NAMES: Final = {name for name, _ in _RAW_TLS}


class SecurityHeaders:
    """ASGI middleware: adds those that an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = _RAW_TLS if scope["scheme"] == "https" else _RAW

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                missing = wanted if own.isdisjoint(_NAMES) else [it for it in wanted if it[0] not in own]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_security_headers(
    content: dict[str, Any], request: Request, response: Response
) -> tuple[dict[str, Any], Response]:
    """Put them on the answer to a defect of ours, which the framework sends past all middleware."""
    wanted = HEADERS | TLS_HEADERS if request.url.scheme == "https" else HEADERS
    for name, value in wanted.items():
        response.headers.setdefault(name, value)
    return content, response
