"""Requests that two servers in a row could cut at different places, sent to the real server byte by byte.

The second request hides in what one server may take for the body of the first. Ours must not carry it out.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.domain.watchlist import Film
from cinematch.local_stack.layers import LAYERS, ApiProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.settings import Settings

ANSWER_SECONDS = 30.0
READ_SECONDS = 120.0
"""How long the server waits for more: so long that no test takes its giving up for a refusal."""
QUIET_SECONDS = 0.3
"""Far more than the answer to a second request takes."""
HEAD = b"POST /v1/movies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHANGE = b'{"user_id": "smuggled", "movie_id": "heat"}'
LENGTH = b"Content-Length: %d\r\n" % len(CHANGE)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHANGE), CHANGE)
HIDDEN = HEAD + LENGTH + b"\r\n" + CHANGE


@pytest.fixture(scope="module")
def module_settings(mongo_server: MongoServer) -> Settings:
    return Settings(mongodb_url=mongo_server.url, mongodb_database="test-smuggling")


@pytest.fixture(scope="module")
def database(module_settings: Settings) -> Iterator[SyncDatabase]:
    with connect(module_settings) as client:
        prepared = client[module_settings.mongodb_database]
        ensure_schema(prepared)
        CatalogWriter(prepared).add_missing([Film("heat", "Heat")])
        yield prepared
        client.drop_database(module_settings.mongodb_database)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the API's log is."""
    return tmp_path_factory.mktemp("smuggling")


@pytest.fixture(scope="module")
def served(database: SyncDatabase, module_settings: Settings, folder: Path) -> Iterator[httpx.URL]:
    """The address of `python -m cinematch api`."""
    url = httpx.URL(f"http://127.0.0.1:{free_port()}")
    environment = {
        "API_HOST": url.host,
        "API_PORT": str(url.port),
        "API_READ_SECONDS": str(READ_SECONDS),
        "MONGODB_DATABASE": module_settings.mongodb_database,
        "MONGODB_URL": module_settings.mongodb_url,
        "STATS_MODE": "micro_batch",
    }
    spec = next(spec for spec in LAYERS if spec.name == "api")
    api = ApiProcess(spec, folder, LogFile(folder / "log"), environment)
    api.start()
    try:
        api.wait_ready()
        yield url
    finally:
        api.kill()


def answers_to(served: httpx.URL, raw: bytes) -> bytes:
    """All that the server sends on one connection until it hangs up, or waits for more."""
    with socket.create_connection((served.host, served.port or 80), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(raw)
        received = b""
        with suppress(ConnectionResetError, TimeoutError):  # it may hang up before it has read everything
            while part := connection.recv(65_536):
                received += part
                connection.settimeout(QUIET_SECONDS)
        return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", received)]


def test_a_request_in_full_is_carried_out(served: httpx.URL, database: SyncDatabase) -> None:
    """So that the others' being refused says something."""
    visible = HIDDEN.replace(b"smuggled", b"openly__")
    assert statuses(answers_to(served, visible)) == [200]
    assert statuses(answers_to(served, HEAD + CHUNKED + b"\r\n" + CHUNK.replace(b"smuggled", b"chunked_"))) == [200]
    assert database["user_sequences"].count_documents({"_id": {"$in": ["openly__", "chunked_"]}}) == 2


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n" + CHUNK,
        HEAD + LENGTH + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN,
        HEAD + CHUNKED + LENGTH + b"\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Content-Length: 0\r\n" + LENGTH + b"\r\n" + CHANGE,
        HEAD + LENGTH + b"Content-Length: 0\r\n\r\n" + HIDDEN,
        HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(CHANGE) + CHANGE,
        HEAD + b"Content-Length: -1\r\n\r\n" + CHANGE,
        HEAD + b"Content-Length: +%d\r\n\r\n" % len(CHANGE) + CHANGE,
        HEAD + b"Content-Length: 0x2b\r\n\r\n" + CHANGE,
        HEAD + b"Content-Length: %d\r\n\r\n" % 10**30 + CHANGE,
        HEAD + b"Content-Length : %d\r\n\r\n" % len(CHANGE) + CHANGE,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNK,
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNK,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNK,
        HEAD + b"X: y\r\n Transfer-Encoding: chunked\r\n" + b"\r\n" + CHUNK,
        HEAD + CHUNKED + b"\r\nzz\r\n" + CHANGE + b"\r\n0\r\n\r\n",
        HEAD + CHUNKED + b"\r\n" + b"f" * 40 + b"\r\n" + CHANGE,
        HEAD + CHUNKED + b"\r\n-1\r\n" + CHANGE + b"\r\n0\r\n\r\n",
        HEAD + b"X: a\x00b\r\n" + LENGTH + b"\r\n" + CHANGE,
        HEAD + b"X y: z\r\n" + LENGTH + b"\r\n" + CHANGE,
        HEAD.replace(b"HTTP/1.1", b"HTTP/9.9") + LENGTH + b"\r\n" + CHANGE,
        HEAD.replace(b"/v1/movies", b"/v1/mov\x00ies") + LENGTH + b"\r\n" + CHANGE,
        b"GET /v1/catalog?q=heat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_could_be_cut_in_two_ways_changes_nothing(served: httpx.URL, database: SyncDatabase, raw: bytes) -> None:
    received = answers_to(served, raw)
    assert statuses(received), "it says that it refuses, and does not wait for more"
    assert [status for status in statuses(received) if not 400 <= status < 500] == [], received
    assert database["user_sequences"].find_one({"_id": "smuggled"}) is None, received


def test_a_client_that_breaks_off_is_no_defect_and_keeps_nobody_waiting(served: httpx.URL, folder: Path) -> None:
    for _ in range(20):
        with socket.create_connection((served.host, served.port or 80), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(HEAD + LENGTH + b"\r\n" + CHANGE[:10])
    assert httpx.get(served.join("/health/live"), timeout=ANSWER_SECONDS).status_code == 200
    assert "Traceback" not in (folder / "log").read_text()
