"""The object store's credentials are made once and stay private."""

from __future__ import annotations

from pathlib import Path

from cinematch.local_stack.credentials import new_credentials, stored_credentials
from cinematch.local_stack.private_file import write_private


def test_credentials_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    assert stored_credentials(path) == stored_credentials(path)


def test_credentials_differ_between_stacks(tmp_path: Path) -> None:
    assert stored_credentials(tmp_path / "a") != stored_credentials(tmp_path / "b")


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    stored_credentials(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_secret_is_not_in_their_text_form() -> None:
    credentials = new_credentials()
    assert credentials.secret_access_key not in repr(credentials)


def test_a_private_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_private(path, "a longer first text")
    write_private(path, "second")
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]
