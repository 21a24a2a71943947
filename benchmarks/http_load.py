"""Load on an HTTP server by as little client as can be: the machine's cores are shared with what is measured.

`saturate`: each client asks again as soon as it is answered. `on_schedule`: requests are sent when they are due,
whether or not earlier ones are answered, and a latency counts from that moment, so a stalled server cannot hide behind
a waiting client. A request that no connection is free for waits, and its latency counts that. Connections take turns,
so that none is idle until the server closes it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools
import orjson
import uvloop

from cinematch.process_memory import keep_what_is_loaded

NO_ANSWER = 0


@dataclass(slots=True)
class Load:
    """What came of it: latencies in ms, how often another status than 200 was answered, and how long it took."""

    milliseconds: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Count what was not answered by 200."""
        return self.refused.total()

    @property
    def per_second(self) -> float:
        """Give the rate of good answers."""
        return (len(self.milliseconds) - self.failed) / self.seconds

    def note(self, began: float, status: int) -> None:
        """Add one answer."""
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        if status != 200:
            self.refused[status] += 1


def get(path: str) -> bytes:
    """Give a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: object) -> bytes:
    """Give a POST request with a body of JSON."""
    text = orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


def saturate(url: str, requests: Iterator[bytes], clients: int, seconds: float) -> Load:
    """Let `clients` ask without pause for `seconds`."""
    return uvloop.run(_saturate(url, requests, clients, seconds))


def on_schedule(url: str, requests: Iterator[bytes], rate: float, seconds: float, connections: int = 64) -> Load:
    """Send `rate` requests a second for `seconds`, evenly."""
    return uvloop.run(_on_schedule(url, requests, rate, seconds, connections))


async def _saturate(url: str, requests: Iterator[bytes], clients: int, seconds: float) -> Load:
    load = Load()
    async with connected(url, clients) as connections:
        began = time.perf_counter()
        until = began + seconds

        async def ask(connection: Connection) -> None:
            while (now := time.perf_counter()) < until:
                status, _ = await connection.ask(next(requests))
                load.note(now, status)

        await asyncio.gather(*map(ask, connections))
        load.seconds = time.perf_counter() - began
    return load


async def _on_schedule(url: str, requests: Iterator[bytes], rate: float, seconds: float, connections: int) -> Load:
    load = Load()
    async with connected(url, connections) as opened:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in opened:
            free.put_nowait(connection)

        async def ask(request: bytes, due: float) -> None:
            connection = await free.get()
            status, _ = await connection.ask(request)
            free.put_nowait(connection)
            load.note(due, status)

        began = time.perf_counter()
        await paced(rate, seconds, lambda due: ask(next(requests), due))
        load.seconds = time.perf_counter() - began
    return load


async def paced(rate: float, seconds: float, act: Callable[[float], Awaitable[None]]) -> None:
    """Start `act(due)` at each moment of the schedule; returns when all are done."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(round(rate * seconds)):
            due = began + number / rate
            if (delay := due - time.perf_counter()) > 0:
                await asyncio.sleep(delay)
            group.create_task(_awaited(act(due)))


async def _awaited(it: Awaitable[None]) -> None:
    await it


@asynccontextmanager
async def connected(url: str, count: int) -> Any:
    """Open connections; close them at the end. A full garbage collection of the client's would count as a latency."""
    keep_what_is_loaded()
    opened = [await connect(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def connect(url: str) -> Connection:
    """Open one connection."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, place.hostname or "", place.port or 80)
    return connection


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time. A connection that broke answers NO_ANSWER."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._transport: Any = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; give status and body."""
        if self._transport.is_closing():
            return NO_ANSWER, b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close it."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._done(NO_ANSWER)

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._done(self._parser.get_status_code())

    def _done(self, status: int) -> None:
        body, self._body = b"".join(self._body), []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))
