"""Tokens for local use: whose they are, how long they are good, and that their key is its owner's alone."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from cinematch.api.tokens import token_verifier
from cinematch.cli import demo
from cinematch.cli.application import app
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.token_key import TokenKey
from cinematch.settings import Authentication, Settings


@pytest.fixture
def issue(tmp_path: Path) -> Callable[..., str]:
    """Run `cinematch token issue` for this test's folder; give what it prints."""

    def run(*options: str) -> str:
        ended = CliRunner().invoke(app, ["token", "issue", "--data-dir", str(tmp_path), *options])
        assert ended.exit_code == 0, ended.output
        return ended.output.strip()

    return run


def verified(folder: Path) -> Settings:
    return Settings(auth=Authentication.JWT, jwt_key_file=TokenKey(DataFolder(folder)).public_file())


async def test_an_issued_token_is_good_for_its_user(issue: Callable[..., str], tmp_path: Path) -> None:
    text = issue("--user", "anna", "--minutes", "5")
    caller = await token_verifier(verified(tmp_path)).caller(text)
    assert (caller.user_id, caller.scopes) == ("anna", frozenset())
    assert 0 < caller.until - time.time() <= 300


async def test_scopes_are_those_asked_for(issue: Callable[..., str], tmp_path: Path) -> None:
    text = issue("--user", "olga", "--scope", "operator", "--scope", "metrics")
    assert (await token_verifier(verified(tmp_path)).caller(text)).scopes == {"operator", "metrics"}


def test_the_private_key_is_its_owners_alone_and_made_once(issue: Callable[..., str], tmp_path: Path) -> None:
    first, second = issue("--user", "anna"), issue("--user", "anna")
    folder = DataFolder(tmp_path)
    assert stat.S_IMODE(folder.token_key_file.stat().st_mode) == 0o600
    public = folder.token_public_key_file.read_bytes()
    assert b"PRIVATE" not in public
    for text in (first, second):
        assert jwt.decode(text, public, ["RS256"], audience="cinematch")["sub"] == "anna"


def test_commands_at_the_same_time_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda _: TokenKey(DataFolder(tmp_path)).public_file().read_text(), range(8)))
    assert len(set(texts)) == 1


def test_the_public_half_is_where_the_command_says(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["token", "key", "--data-dir", str(tmp_path)])
    assert Path(ended.output.strip()).read_text().startswith("-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize("user_id", ["", "x" * 129, "a\nb"])
def test_a_token_for_nobody_is_refused(tmp_path: Path, user_id: str) -> None:
    ended = CliRunner().invoke(app, ["token", "issue", "--data-dir", str(tmp_path), "--user", user_id])
    assert ended.exit_code != 0
    assert not DataFolder(tmp_path).token_key_file.exists() or not ended.output.strip()


def test_a_reset_takes_the_key_with_it(issue: Callable[..., str], tmp_path: Path) -> None:
    issue("--user", "anna")
    folder = DataFolder(tmp_path)
    folder.wipe()
    assert not folder.token_key_file.exists()
    assert not folder.token_public_key_file.exists()


async def test_the_demo_calls_as_the_user_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo.demo_token(DataFolder(tmp_path)) is None
    monkeypatch.setenv("AUTH", "jwt")
    text = demo.demo_token(DataFolder(tmp_path))
    assert text is not None
    assert (await token_verifier(verified(tmp_path)).caller(text)).user_id == demo.SHOWN_USER
