"""Loopback ports that lead to servers, and misbehave as networks do: cut, torn half-way, slow, silent, full of 500s."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from enum import Enum, auto
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"
CHUNK_BYTES: Final = 64 * 1024
SLOW_SECONDS: Final = 0.05
"""How long each piece is held back on a slow line: a round trip takes twice as long."""
SLOW_CHUNK_BYTES: Final = 4 * 1024
SERVER_ERROR: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nContent-Length: 77\r\n"
    b"Connection: close\r\n\r\n"
    b"<Error><Code>InternalError</Code><Message>We are sorry.</Message></Error>\r\n\r\n"
)


class Conduct(Enum):
    """How a line behaves."""

    GOOD = auto()
    CUT = auto()
    """Every connection is aborted, and none is accepted."""
    TORN = auto()
    """Half of the next piece in each direction still arrives; then the connection is aborted."""
    SLOW = auto()
    """Small pieces, each held back for SLOW_SECONDS."""
    SILENT = auto()
    """Connections stay, and nothing arrives, until the line is good again."""
    HTTP_500 = auto()
    """Every HTTP request is answered by a 500 and reaches nobody."""


class Torn(Exception):
    """The connection is to be aborted now."""


class Line:
    """One listening port and where it leads; for the thread of the event loop."""

    def __init__(self, target_port: int) -> None:
        self.conduct = Conduct.GOOD
        self.met = 0
        """Connections and pieces that have met how it behaves now, if that is not good."""
        self._target_port = target_port
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Future[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, port: int) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, port, limit=CHUNK_BYTES)

    async def behave(self, conduct: Conduct) -> None:
        """Behave so from now on, also on connections that are open."""
        self.conduct, self.met = conduct, 0
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if conduct is Conduct.CUT:
            self._abort_all()

    async def close(self) -> None:
        """Accept nothing more, abort what is open, and wait until it has ended."""
        if self._server is not None:
            self._server.close()
        self._abort_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _abort_all(self) -> None:
        self.met += len(self._writers)
        for writer in self._writers:
            writer.transport.abort()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self.conduct is Conduct.CUT:
                self.met += 1
            else:
                await self._pass_on(reader, writer)
        except (OSError, Torn, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._target_port, limit=CHUNK_BYTES)
        ways = [self._pump(reader, server_writer, writer), self._pump(server_reader, writer, None)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await writer.drain()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            server_writer.transport.abort()
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: asyncio.StreamWriter | None
    ) -> None:
        """Pass on what comes; `client` is whom an HTTP error goes to, on the way to the server only."""
        while data := await reader.read(SLOW_CHUNK_BYTES if self.conduct is Conduct.SLOW else CHUNK_BYTES):
            self.met += self.conduct is not Conduct.GOOD
            while self.conduct is Conduct.SILENT:
                await self._changed.wait()
            if self.conduct is Conduct.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
            if self.conduct is Conduct.HTTP_500 and client is not None:
                client.write(SERVER_ERROR)
                return
            if self.conduct is Conduct.TORN:
                writer.write(data[: len(data) // 2])
                await writer.drain()
                raise Torn
            writer.write(data)
            await writer.drain()


class Proxies:
    """A line to each server, in a thread of their own. `ports`: name -> (where it listens, where it leads)."""

    def __init__(self, ports: Mapping[str, tuple[int, int]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._lines: dict[str, Line] = {name: self._run(_listening(*pair)) for name, pair in ports.items()}

    def behave(self, name: str, conduct: Conduct) -> None:
        """Make the line to a server behave so."""
        self._run(self._lines[name].behave(conduct))

    def met(self, name: str) -> int:
        """Count the connections and pieces that have met how the line to a server behaves now, if that is not good."""
        return self._lines[name].met

    def close(self) -> None:
        """End all lines."""
        for line in self._lines.values():
            self._run(line.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(10)


async def _listening(port: int, target_port: int) -> Line:
    line = Line(target_port)
    await line.listen(port)
    return line
