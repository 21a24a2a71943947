"""Refuses request bodies that are too large, before they fill the memory, and those that never come to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

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
        declared = _declared_bytes(scope["headers"])
        deadline = asyncio.get_running_loop().time() + self._limit_seconds
        counted, is_whole = 0, declared == 0

        async def limited() -> Message:
            nonlocal counted, is_whole
            if is_whole:  # what comes now is that the client has gone, whenever it does
                return await receive()
            self._check(declared or 0)
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


def _declared_bytes(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Give how long a body says that it is; 0: there is none; None: its end will show."""
    told = {name: value for name, value in headers if name in (b"content-length", b"transfer-encoding")}
    if not told:
        return 0
    length = told.get(b"content-length", b"")
    return int(length) if length.isdigit() and len(told) == 1 else None
