"""One client's connection: uvicorn's, with an end to its patience.

uvicorn waits for ever for the head of a request, for the rest of a body that nobody reads any more, and for a client to
take its answer; and it takes a head of any size, and one more behind a chunked body. Here whoever is too slow, or sends
more than any request of ours has, is cut off. Bodies that a route reads have limits of their own (`body_limit`).
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, BaseTransport, TimerHandle
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 32_768
"""Twice what a request with the longest token and some cookies has."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def bounded_protocol(patience_seconds: float) -> type[HttpToolsProtocol]:
    """Give the class of connections that wait so long for a head, the end of a body, or an answer to be taken."""

    class BoundedProtocol(HttpToolsProtocol):
        """Counts the time, and the bytes that belong to no body."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._awaiting_head = True
            self._bytes_beside_body = 0
            self._reading = _Patience(self.loop, patience_seconds)
            self._writing = _Patience(self.loop, patience_seconds)

        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]
            self._reading.begin(self._end_slow_request)

        def connection_lost(self, exc: Exception | None) -> None:
            self._reading.end()
            self._writing.end()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._awaiting_head:
                end = data.find(_END_OF_HEAD)
                self._bytes_beside_body += len(data) if end < 0 else end
                if self._is_too_large():  # not even the parser sees it
                    return
                self._reading.begin(self._end_slow_request)
                super().data_received(data)
            else:
                self._bytes_beside_body += len(data)
                super().data_received(data)
                self._is_too_large()

        def on_header(self, name: bytes, value: bytes) -> None:
            """Take a field of the head. Fields behind a body are dropped: nobody has judged them with the head."""
            if self._awaiting_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._awaiting_head = False
            self._bytes_beside_body = 0
            self._reading.end()
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._bytes_beside_body = 0
            super().on_body(body)

        def on_message_complete(self) -> None:
            self._awaiting_head = True
            self._bytes_beside_body = 0
            self._reading.end()
            super().on_message_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.transport.is_closing():
                self._give_up_later()
            elif not self._awaiting_head and self.cycle.response_complete:  # the body goes on, and nobody reads it
                self._reading.begin(self._end_slow_request)

        def timeout_keep_alive_handler(self) -> None:
            super().timeout_keep_alive_handler()
            self._give_up_later()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._give_up_later()

        def resume_writing(self) -> None:
            if not self.transport.is_closing():
                self._writing.end()
            super().resume_writing()

        def _end_slow_request(self) -> None:
            self._cut_off(_TOO_SLOW)

        def _is_too_large(self) -> bool:
            is_too_large = self._bytes_beside_body > HEAD_BYTES_MAX
            if is_too_large:
                self._cut_off(_TOO_LARGE)
            return is_too_large

        def _cut_off(self, answer: bytes) -> None:
            """End the connection, with an answer where no other one has been begun."""
            if self.transport.is_closing():
                return
            if self._can_answer():
                self.transport.write(answer)
            self.transport.close()
            self._give_up_later()

        def _can_answer(self) -> bool:
            """Say whether the request that is cut off has no answer yet, and none before it is under way."""
            if self.cycle is None:  # as it is before the first request, whatever uvicorn's type says
                return True  # type: ignore[unreachable]
            return self.cycle.response_complete if self._awaiting_head else not self.cycle.response_started

        def _give_up_later(self) -> None:
            """Drop what the client does not take in time; to close waits for it, for ever."""
            self._writing.begin(self.transport.abort)

    return BoundedProtocol


class _Patience:
    """One timer; while it runs, beginning it again changes nothing."""

    def __init__(self, loop: AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._timer: TimerHandle | None = None

    def begin(self, at_end: Callable[[], None]) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, at_end)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
