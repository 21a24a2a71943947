"""The project's own pages: their links lead somewhere, and the pictures of both READMEs are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md", ROOT / "deploy" / "kubernetes" / "README.md"]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    """The site's own links are checked when it is built."""
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readmes_of_both_languages_draw_the_same_picture_and_name_each_other() -> None:
    english, italian = (ROOT / name for name in ("README.md", "README.it.md"))
    nodes, arrows = re.compile(r"\b[A-Z]{1,2}\b(?=\[|\()"), re.compile(r"--?>")
    pictures = [re.findall(r"```mermaid\n(.*?)```", page.read_text(), re.DOTALL)[0] for page in (english, italian)]
    assert nodes.findall(pictures[0]) == nodes.findall(pictures[1])
    assert len(arrows.findall(pictures[0])) == len(arrows.findall(pictures[1]))
    assert "](README.it.md)" in english.read_text()
    assert "](README.md)" in italian.read_text()


def test_the_license_is_the_one_that_the_project_declares() -> None:
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
