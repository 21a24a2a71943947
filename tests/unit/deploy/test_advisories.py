"""`make advisories`, asked of a service that the test plays: each package, what is found, and what cannot be asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from cinematch.local_stack.ports import free_port

ROOT = Path(__file__).parents[3]
LOCKED = re.compile(r"^(\S+==[^\\\n]+?) *\\?$", re.MULTILINE)


class Service:
    """Advisories in the manner of OSV: what it knows, and what it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.asked: set[tuple[str, str]] = set()
        self.url = ""

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        """Answer one question."""
        name = query["package"]["name"]
        self.asked.add((name, query["version"]))
        known: dict[str, Any] = self.known.get(name, {})
        return known


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(service.answer(query)).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}/v1/query"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def advisories(url: str) -> subprocess.CompletedProcess[str]:
    """Run the target as it is; the environment is there, since it runs this test."""
    return subprocess.run(
        ["make", "--no-print-directory", "--old-file", "environment", "advisories", f"ADVISORIES={url}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"} | {"NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def locked() -> set[tuple[str, str]]:
    """Name and version of what is locked for this Python and system."""
    found = map(Requirement, LOCKED.findall((ROOT / "requirements.lock").read_text()))
    return {(it.name, str(it.specifier)[2:]) for it in found if it.marker is None or it.marker.evaluate()}


def test_every_locked_version_is_asked_about(service: Service) -> None:
    ran = advisories(service.url)
    assert ran.returncode == 0, ran.stderr
    assert service.asked == locked()


def test_an_advisory_fails_the_target_and_is_named(service: Service) -> None:
    affected = [{"package": {"name": "pyjwt", "ecosystem": "PyPI"}}]
    service.known["pyjwt"] = {"vulns": [{"id": "PYSEC-0-1", "summary": "bad", "affected": affected}]}
    ran = advisories(service.url)
    assert ran.returncode != 0
    assert "PYSEC-0-1" in ran.stdout
    assert "NOT passed" in ran.stderr


def test_a_service_that_cannot_be_asked_is_no_pass() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1/query"
    ran = advisories(url)
    assert ran.returncode != 0
    assert f"NOT passed: above is a version with an advisory, or the service at {url} could not be asked" in ran.stderr
    assert "No known vulnerabilities found" not in ran.stdout + ran.stderr
