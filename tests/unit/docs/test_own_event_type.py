"""The tutorial's own event type: its patches apply to the project as it is, and its test passes then."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "tutorial" / "own-event-type.md"
TREES = ("cinematch", "ingestion", "tests/unit/domain")


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the tutorial touches, after all of its patches."""
    folder = tmp_path_factory.mktemp("tutorial")
    for tree in TREES:
        shutil.copytree(ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for file in sorted((ROOT / "tests").glob("*.py")):
        shutil.copy(file, folder / "tests")
    patches = "".join(re.findall(r"```diff\n(.*?)```", PAGE.read_text(), re.DOTALL))
    applied = subprocess.run(
        ["git", "apply", "-"],
        cwd=folder,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)},  # a copy is no part of a repository around it
        input=patches,
        text=True,
        capture_output=True,
        check=False,
    )
    assert applied.returncode == 0, applied.stderr
    return folder


def test_every_patch_changes_what_it_says(patched: Path) -> None:
    for name in re.findall(r"^\+\+\+ b/(.+)$", PAGE.read_text(), re.MULTILINE):
        original = ROOT / name
        assert not original.exists() or (patched / name).read_text() != original.read_text()
        assert "rewatch" in (patched / name).read_text().lower()


def test_the_tests_pass_with_the_new_event(patched: Path) -> None:
    """The reader's own test, and the laws of the domain on histories that have the new event in them."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "--noconftest",
    ]
    command += ["tests/unit/domain/test_rewatch.py", "tests/unit/domain/test_changes.py"]
    environment = os.environ | {"PYTHONPATH": str(patched), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, cwd=patched, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_commands_of_the_page_name_files_that_exist_then(patched: Path) -> None:
    for argument in re.findall(r"\btests/[\w/.]+", PAGE.read_text()):
        assert (ROOT / argument).exists() or (patched / argument).exists(), argument
