"""The locked jars, and how they are fetched: each is what the lock says, or there is an error and no cache entry."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cinematch.errors import CineMatchError
from cinematch.local_stack import jars
from cinematch.local_stack.jars import KAFKA, KAFKA_ARTIFACTS, SPARK, SPARK_ARTIFACTS, Artifact, LockedJar, locked
from deploy.jar_lock import shipped_by_spark, unshadowed

CONTENT = b"a jar"
JAR = LockedJar(Artifact("org.example", "thing", "1.2"), hashlib.sha256(CONTENT).hexdigest())
PATH = "/org/example/thing/1.2/thing-1.2.jar"


class _Repository(ThreadingHTTPServer):
    """Answers from `files`; each path in `busy` is refused once before."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {}
        self.busy: set[str] = set()


class _Answer(BaseHTTPRequestHandler):
    server: _Repository

    def do_GET(self) -> None:
        if self.path in self.server.busy:
            self.server.busy.remove(self.path)
            self.send_error(503)
            return
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Repository]:
    """A repository on loopback in the place of Maven Central."""
    with _Repository() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(jars, "CENTRAL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


@pytest.mark.parametrize(("title", "artifacts"), [(SPARK, SPARK_ARTIFACTS), (KAFKA, KAFKA_ARTIFACTS)])
def test_the_lock_has_what_we_ask_for(title: str, artifacts: tuple[Artifact, ...]) -> None:
    found = locked(title)
    assert set(artifacts) <= {jar.artifact for jar in found}, "run `make lock`"
    assert len({jar.artifact.file_name for jar in found}) == len(found) > len(artifacts)
    assert all(re.fullmatch("[0-9a-f]{64}", jar.digest) for jar in found)


def test_no_locked_jar_takes_the_place_of_one_that_spark_ships() -> None:
    shipped = shipped_by_spark()
    assert shipped
    assert not {jar.artifact.name for jar in locked(SPARK)} & shipped


def test_a_jar_that_spark_ships_in_another_version_is_left_to_spark() -> None:
    names = ["slf4j-api", "spark-tags_2.13", "s3", "commons-pool2"]
    found = [LockedJar(Artifact("group", name, "1"), "digest") for name in names]
    kept = unshadowed(found, ["slf4j-api", "spark-tags_2.13", "commons-pool"])
    assert [jar.artifact.name for jar in kept] == ["s3", "commons-pool2"]


def test_another_version_is_another_cache_entry() -> None:
    newer = [JAR, LockedJar(Artifact("org.example", "other", "1"), "digest")]
    assert jars.entry_name("spark", [JAR]) != jars.entry_name("spark", newer)
    assert jars.entry_name("spark", [JAR]) == jars.entry_name("spark", [LockedJar(*JAR)])


def test_jars_are_fetched_and_a_busy_server_is_asked_again(
    repository: _Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.files[PATH] = CONTENT
    repository.busy.add(PATH)
    monkeypatch.setattr(jars, "FIRST_PAUSE_SECONDS", 0.01)
    jars.fetch([JAR], tmp_path)
    assert (tmp_path / "thing-1.2.jar").read_bytes() == CONTENT


def test_a_jar_that_is_another_one_is_refused(repository: _Repository, tmp_path: Path) -> None:
    repository.files[PATH] = b"another jar"
    with pytest.raises(
        CineMatchError, match=r"^thing-1\.2\.jar from Maven Central is not the file that jars\.lock names"
    ):
        jars.fetch([JAR], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_jar_that_is_not_there_is_one_sentence(repository: _Repository, tmp_path: Path) -> None:
    with pytest.raises(
        CineMatchError, match=r"^the jars cannot be fetched from Maven Central \(.*404.*repeat the command"
    ):
        jars.fetch([JAR], tmp_path)


def test_a_line_that_is_cut_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "CENTRAL", "http://127.0.0.1:1")
    monkeypatch.setattr(jars, "ATTEMPTS", 1)
    with pytest.raises(CineMatchError, match=r"^the jars cannot be fetched from Maven Central \("):
        jars.fetch([JAR], tmp_path)
