"""Refuses request bodies that are too large, before they fill the memory."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: whoever reads a body above `limit_bytes`, declared or received, gets HTTP 413 raised."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _declared_bytes(Headers(scope=scope))
        counted = 0

        async def limited() -> Message:
            nonlocal counted
            self._check(declared)
            message = await receive()
            counted += len(message.get("body", b""))
            self._check(counted)
            return message

        await self._app(scope, limited, send)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit_bytes:
            detail = f"the body may have at most {self._limit_bytes} bytes"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
