"""Without authentication the API is for this machine alone: where it listens, and under which names it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from cinematch.api.application import create_app
from cinematch.api.exposure import is_loopback_host
from cinematch.api.loopback_hosts import LoopbackHosts
from cinematch.errors import ConfigurationError
from cinematch.settings import Settings
from tests.tokens import secured


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_authentication(host: str) -> None:
    create_app(Settings(api_host=host), [])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "films.example", ""])
def test_elsewhere_authentication_is_needed(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH=off is for this machine alone"):
        create_app(Settings(api_host=host), [])
    create_app(secured(Settings(api_host=host), tmp_path), [])


@pytest.mark.parametrize(
    "changes", [{"API_HOST": "0.0.0.0"}, {"AUTH": "jwt"}, {"AUTH": "jwt", "JWT_KEY_FILE": "/nowhere"}]
)
def test_the_process_refuses_to_start_with_one_sentence(changes: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cinematch", "api"],
        env=os.environ | {"API_PORT": "0"} | changes,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("cinematch: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_names_of_this_machine_are_known(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#localhost",
        "127.0.0.1@evil.example",
        "localhost:8000.evil.example",
        "2130706433",
        "0x7f.1",
        "[::ffff:1.2.3.4]",
        "192.168.1.7",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not is_loopback_host(host)


def test_a_page_that_rebinds_its_name_gets_nothing() -> None:
    app = create_app(Settings(), [])
    app.user_middleware.append(Middleware(LoopbackHosts))
    api = TestClient(app)
    assert api.get("/health/live", headers={"Host": "localhost:8000"}).status_code == 200
    refused = api.get("/health/live", headers={"Host": "evil.example"})
    assert refused.status_code == 421
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:cinematch:problem:misdirected-request"
    assert {"x-request-id", "content-security-policy"} <= set(refused.headers)
