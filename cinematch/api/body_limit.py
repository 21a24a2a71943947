"""Refuses request bodies that are too large, before they fill the memory, and those that never come to an end."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE: Final = {"Connection": "close"}
"""What of the body is still on its way is not wanted."""


class BodyLimit:
    """ASGI middleware: whoever reads a body above `limit_bytes`, declared or received, gets HTTP 413 raised.

    A body that is not there after `limit_seconds` is 408.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, limit_seconds: float) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._limit_seconds = limit_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _declared_bytes(Headers(scope=scope))
        deadline = asyncio.get_running_loop().time() + self._limit_seconds
        counted, is_whole = 0, False

        async def limited() -> Message:
            nonlocal counted, is_whole
            self._check(declared)
            if is_whole:  # what comes now is that the client has gone, whenever it does
                return await receive()
            message = await self._in_time(receive, deadline)
            is_whole = not message.get("more_body", False)
            counted += len(message.get("body", b""))
            self._check(counted)
            return message

        await self._app(scope, limited, send)

    async def _in_time(self, receive: Receive, deadline: float) -> Message:
        try:
            async with asyncio.timeout_at(deadline):
                return await receive()
        except TimeoutError:
            detail = f"the body must be there after {self._limit_seconds:g} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, _CLOSE) from None

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit_bytes:
            detail = f"the body may have at most {self._limit_bytes} bytes"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, _CLOSE)


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0
