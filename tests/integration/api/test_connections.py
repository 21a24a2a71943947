"""The API's process and clients that are slow, boundless, or not who they say: they are cut off, and others served."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cinematch.api.connection import HEAD_BYTES_MAX
from cinematch.local_stack.ports import free_port

START_SECONDS = 60.0
READ_SECONDS = 3.0
GRACE_SECONDS = 30.0
"""More than the server may take, on a busy machine, to notice that its patience is at an end."""
SERVER = """
import asyncio
from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from cinematch.api.server import run
from cinematch.api.strict_route import StrictRoute
from cinematch.settings import load_settings

class Word(BaseModel):
    text: str

router = APIRouter(route_class=StrictRoute)

@router.post("/words")
async def say(word: Word) -> Word:
    return word

@router.get("/stream")
async def stream() -> StreamingResponse:
    async def parts():
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)
    return StreamingResponse(parts())

@router.get("/large")
async def large() -> Response:
    return Response(b"x" * 30_000_000, headers={"Connection": "close"})

run(load_settings(), [router])
"""
HEAD = "POST /words HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[int]:
    """Run the API's process; give its port."""
    port = free_port()
    own = {"API_PORT": str(port), "REDIS_URL": "redis://127.0.0.1:1", "MONGODB_URL": "mongodb://127.0.0.1:1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER], env=os.environ | own | settings, stdout=log, stderr=log
        )
        try:
            await_port(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def await_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise AssertionError("the API did not start")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("api"), API_READ_SECONDS=str(READ_SECONDS)) as port:
        yield port


@pytest.fixture
def wire(port: int) -> Iterator[socket.socket]:
    """A connection without any manners."""
    with socket.create_connection(("127.0.0.1", port), GRACE_SECONDS) as connection:
        yield connection


def all_of(wire: socket.socket) -> bytes:
    """Everything that comes until the server ends the connection. Raises TimeoutError when it does not."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while part := wire.recv(65_536):
            answer += part
    return answer


@pytest.mark.parametrize("beginning", ["", "GET", HEAD])
def test_who_does_not_finish_a_head_is_cut_off(wire: socket.socket, beginning: str) -> None:
    wire.sendall(beginning.encode())
    assert all_of(wire).startswith(b"HTTP/1.1 408 ")


def test_a_head_that_comes_drop_by_drop_is_no_excuse(wire: socket.socket) -> None:
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        for number in range(100):
            wire.sendall(f"X-Drop-{number}: 1\r\n".encode() if number else HEAD.encode())
            time.sleep(READ_SECONDS / 5)
    assert time.monotonic() - began < GRACE_SECONDS


def test_patience_is_no_greater_with_a_second_request(wire: socket.socket) -> None:
    wire.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b'{"status":"alive"}'):
        part = wire.recv(65_536)
        assert part, answer
        answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")
    wire.sendall(b"GET /health/live HTTP/1.1\r\n")
    assert all_of(wire).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("kind", ["X-Filler: {}\r\n", "Cookie: {}\r\n"])
def test_an_endless_head_is_cut_off(wire: socket.socket, kind: str) -> None:
    with contextlib.suppress(ConnectionError):
        wire.sendall((HEAD + kind.format("x" * HEAD_BYTES_MAX)).encode())
    assert all_of(wire).startswith(b"HTTP/1.1 431 ")


def test_an_endless_address_is_cut_off(wire: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        wire.sendall(f"GET /{'x' * 2 * HEAD_BYTES_MAX} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert all_of(wire).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("length", ["Content-Length: 20", "Transfer-Encoding: chunked"])
def test_a_body_that_never_ends_is_a_problem(wire: socket.socket, length: str) -> None:
    wire.sendall(f"{HEAD}{length}\r\n\r\n".encode())
    head, _, body = all_of(wire).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["errors"][0]["field"] == "body"


def test_a_body_that_is_too_large_ends_the_connection(wire: socket.socket) -> None:
    wire.sendall(f"{HEAD}Content-Length: 100000000\r\n\r\n".encode())
    head, _, body = all_of(wire).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["status"] == 413


@pytest.mark.parametrize("framing", ["Content-Length: 20\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n5\r\nx"])
def test_the_rest_of_a_body_that_nobody_reads_is_not_awaited_for_ever(wire: socket.socket, framing: str) -> None:
    """The answer comes before the body; whoever then goes on with the body, ever so slowly, is at an end, too."""
    wire.sendall(f"GET /health/live HTTP/1.1\r\nHost: localhost\r\n{framing}".encode())
    assert wire.recv(65_536).startswith(b"HTTP/1.1 200 ")
    with contextlib.suppress(ConnectionError):
        wire.sendall(b"x")
    assert b"HTTP/1.1" not in all_of(wire)


CHUNKED = HEAD.replace("Content-Type: application/json\r\n", "Transfer-Encoding: chunked\r\n\r\n")
WORD = '11\r\n{"text": "hello"}\r\n0\r\n'


def test_a_field_behind_the_body_does_not_count_as_one_of_the_head(wire: socket.socket) -> None:
    wire.sendall(f"{CHUNKED}{WORD}Content-Type: application/json\r\n\r\n".encode())
    assert wire.recv(65_536).startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize("kind", ["X-Filler-{}: y\r\n", "X-{}"])
def test_endless_fields_behind_a_body_are_cut_off(wire: socket.socket, kind: str) -> None:
    """They are more than the server reads at once together with the head."""
    with contextlib.suppress(ConnectionError):
        wire.sendall(f"{CHUNKED}{WORD}".encode())
        wire.sendall("".join(map(kind.format, range(2 * HEAD_BYTES_MAX))).encode())
    assert b"HTTP/1.1 431 " in all_of(wire)


@pytest.mark.parametrize("path", ["/stream", "/large"])
def test_who_does_not_take_an_answer_loses_the_connection(tmp_path: Path, path: str) -> None:
    with (
        serving(tmp_path, API_CONNECTIONS_MAX="1", API_READ_SECONDS=str(READ_SECONDS)) as port,
        socket.socket() as idle,
    ):
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        idle.connect(("127.0.0.1", port))
        idle.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert idle.recv(9) == b"HTTP/1.1 "
        assert eventually(port, 200).json() == {"text": "hello"}


def test_others_are_served_meanwhile(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", port), GRACE_SECONDS))
            idle.sendall(b"GET /health")
        assert post(port, {"text": "hello"}).json() == {"text": "hello"}


def test_more_connections_than_there_may_be_are_refused_and_come_free(tmp_path: Path) -> None:
    with serving(tmp_path, API_CONNECTIONS_MAX="3", API_READ_SECONDS=str(START_SECONDS)) as port:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                idle = stack.enter_context(socket.create_connection(("127.0.0.1", port), GRACE_SECONDS))
                idle.sendall(b"GET /health")
            assert eventually(port, 503).status_code == 503
        assert eventually(port, 200).json() == {"text": "hello"}


def eventually(port: int, status: int) -> httpx.Response:
    """Ask until the answer has a status: the server hears of each connection when it comes to it."""
    deadline = time.monotonic() + START_SECONDS
    while (answer := post(port, {"text": "hello"})).status_code != status and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def test_another_servers_name_is_refused(port: int) -> None:
    assert post(port, {"text": "hello"}, {"Host": "evil.example"}).status_code == 421


def test_a_clients_word_about_its_address_counts_from_proxies_only(tmp_path: Path) -> None:
    limit = {"RATE_LIMIT_ADDRESS_PER_MINUTE": "2"}
    for proxies, refused in (("[]", True), ('["127.0.0.1"]', False)):
        with serving(tmp_path, TRUSTED_PROXIES=proxies, **limit) as port:
            statuses = {
                post(port, {"text": "hello"}, {"X-Forwarded-For": f"192.0.2.{number}"}).status_code
                for number in range(8)  # more than two minutes allow
            }
        assert (429 in statuses) == refused


def post(port: int, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}/words", json=body, headers=headers, trust_env=False, timeout=30)
