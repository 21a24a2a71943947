"""The embedded stack with AUTH=jwt gives its API the public half of the data folder's own key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack import build_stack
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Authentication, Settings

pytestmark = pytest.mark.integration
VARIABLE = "JWT_KEY_FILE"


def test_the_api_gets_the_key_by_which_local_tokens_are_verified(toolchain: Toolchain, tmp_path: Path) -> None:
    stack = build_stack(toolchain, DataFolder(tmp_path), Settings(auth=Authentication.JWT))
    assert Path(stack.environment[VARIABLE]).read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_without_authentication_no_key_is_made(toolchain: Toolchain, tmp_path: Path) -> None:
    assert VARIABLE not in build_stack(toolchain, DataFolder(tmp_path), Settings()).environment
    assert not DataFolder(tmp_path).token_key_file.exists()


def test_another_issuer_stays_the_issuer(toolchain: Toolchain, tmp_path: Path) -> None:
    settings = Settings.model_validate({"auth": "jwt", "jwt_jwks_url": "https://login.example/keys"})
    assert VARIABLE not in build_stack(toolchain, DataFolder(tmp_path), settings).environment
