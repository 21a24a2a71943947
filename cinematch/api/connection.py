"""One client's connection: uvicorn's, with an end to its patience.

uvicorn waits for ever for the head of a request, and takes one of any size. Here whoever does not finish a head in
time, or sends more of it than any request of ours has, is cut off. Bodies have limits of their own (`body_limit`).
"""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 32_768
"""Twice what a request with the longest token and some cookies has."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def bounded_protocol(read_seconds: float) -> type[HttpToolsProtocol]:
    """Give the class of connections that wait so long for a head."""

    class BoundedProtocol(HttpToolsProtocol):
        """Counts the time and the bytes of each head."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._head_bytes = 0
            self._awaiting_head = True
            self._patience: TimerHandle | None = None

        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]
            self._patience = self.loop.call_later(read_seconds, self._cut_off, _TOO_SLOW)

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_patience()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._awaiting_head:
                end = data.find(_END_OF_HEAD)
                self._head_bytes += len(data) if end < 0 else end
                if self._head_bytes > HEAD_BYTES_MAX:
                    self._cut_off(_TOO_LARGE)
                    return
                if self._patience is None:
                    self._patience = self.loop.call_later(read_seconds, self._cut_off, _TOO_SLOW)
            super().data_received(data)

        def on_headers_complete(self) -> None:
            self._awaiting_head = False
            self._head_bytes = 0
            self._end_patience()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._awaiting_head = True
            super().on_message_complete()

        def _end_patience(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _cut_off(self, answer: bytes) -> None:
            self._end_patience()
            if not self.transport.is_closing():
                self.transport.write(answer)
                self.transport.close()

    return BoundedProtocol
