"""The proxy does to connections what its conduct says: schedules that meet a tame one would show nothing."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest

from cinematch.local_stack.ports import LOOPBACK, free_port
from tests.oracle.proxy import Conduct, Proxies

MESSAGE = b"0123456789"
NOTHING_SECONDS = 0.3


class Echo(socketserver.BaseRequestHandler):
    """Sends back what comes."""

    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.request.sendall(data)


@dataclass
class Way:
    """The way through the proxy to an echo server."""

    port: int
    proxies: Proxies

    def behave(self, conduct: Conduct) -> None:
        self.proxies.behave("echo", conduct)

    def await_met(self) -> None:
        deadline = time.monotonic() + 20
        while not self.proxies.met("echo"):
            assert time.monotonic() < deadline, "nobody met it"
            time.sleep(0.02)

    def connected(self) -> socket.socket:
        return socket.create_connection((LOOPBACK, self.port), timeout=5)


@pytest.fixture
def way() -> Iterator[Way]:
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = free_port()
        proxies = Proxies({"echo": (port, server.server_address[1])})
        yield Way(port, proxies)
        proxies.close()
        server.shutdown()


def answer(connection: socket.socket) -> bytes:
    connection.sendall(MESSAGE)
    return connection.recv(1024)


@pytest.mark.parametrize("conduct", [Conduct.GOOD, Conduct.SLOW])
def test_a_good_or_slow_line_passes_everything_on(way: Way, conduct: Conduct) -> None:
    way.behave(conduct)
    with way.connected() as connection:
        assert [answer(connection), answer(connection)] == [MESSAGE, MESSAGE]


def test_a_cut_line_breaks_what_is_open_and_takes_nothing(way: Way) -> None:
    with way.connected() as connection:
        assert answer(connection) == MESSAGE
        way.behave(Conduct.CUT)
        assert is_broken(connection)
    with way.connected() as another:
        assert is_broken(another)


def test_a_torn_line_breaks_in_the_middle_of_a_message(way: Way) -> None:
    with way.connected() as connection:
        assert answer(connection) == MESSAGE
        way.behave(Conduct.TORN)
        assert is_broken(connection)


def test_a_silent_line_holds_back_until_it_is_good_again(way: Way) -> None:
    with way.connected() as connection:
        way.behave(Conduct.SILENT)
        connection.sendall(MESSAGE)
        connection.settimeout(NOTHING_SECONDS)
        with pytest.raises(TimeoutError):
            connection.recv(1024)
        way.behave(Conduct.GOOD)
        connection.settimeout(5)
        assert connection.recv(1024) == MESSAGE


def test_a_line_full_of_500s_answers_in_the_servers_place(way: Way) -> None:
    way.behave(Conduct.HTTP_500)
    answered = httpx.put(f"http://{LOOPBACK}:{way.port}/bucket/key", content=MESSAGE)
    assert answered.status_code == 500
    assert "InternalError" in answered.text


@pytest.mark.parametrize("conduct", [each for each in Conduct if each is not Conduct.GOOD])
def test_a_line_tells_whether_anybody_has_met_how_it_behaves(way: Way, conduct: Conduct) -> None:
    way.behave(conduct)
    with way.connected() as connection, suppress(OSError):
        connection.sendall(MESSAGE)
        way.await_met()
    way.behave(Conduct.GOOD)
    with way.connected() as another:
        assert answer(another) == MESSAGE
    assert way.proxies.met("echo") == 0


def is_broken(connection: socket.socket) -> bool:
    try:
        return answer(connection) != MESSAGE
    except OSError:
        return True
