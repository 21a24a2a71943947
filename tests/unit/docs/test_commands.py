"""Whatever the documentation tells people to type exists: our commands, the targets of make, the files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import check_command

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
SPAN = re.compile(r"`((?:cinematch|python -m) [^`]+)`")
OURS = re.compile(r"(?:^|[\s(])(?:\.venv/bin/)?(?<!-n )(cinematch (?:[a-z-]|--).*?)(?:\s*[|;&)<>#]|$)")
PLACEHOLDER = re.compile(r"\[.*?\]|\.\.\.|,.*")


def console_lines(page: Path) -> Iterator[str]:
    for block in BLOCK.findall(page.read_text()):
        yield from (line[2:] for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ "))


def commands(page: Path) -> Iterator[str]:
    """Give our own commands in consoles and between backquotes."""
    for line in console_lines(page):
        yield from OURS.findall(line)
    for span in SPAN.findall(page.read_text()):
        yield PLACEHOLDER.sub("", span).strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_our_commands_exist(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(command)
        if words[:2] != ["python", "-m"] or (ROOT / words[2].split(".")[0]).is_dir():
            check_command(words)


def test_commands_are_found() -> None:
    tutorial = list(commands(ROOT / "docs" / "tutorial" / "first-steps.md"))
    assert "cinematch batch rollback" in tutorial
    assert "cinematch up --detach" in tutorial
    assert "cinematch status --json" in tutorial
    assert len(tutorial) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for line in console_lines(page) for name in re.findall(r"\bmake ([a-z-]+)", line)}
    named |= set(re.findall(r"`make ([a-z-]+)", page.read_text()))
    assert named <= targets
