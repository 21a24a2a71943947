"""The documentation in a browser: diagrams are drawn, and nobody else is asked for anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

ROOT = Path(__file__).parents[2]
PAGES = {"index.html": 1, "lambda.html": 4}
"""Pages and how many diagrams each has."""


@pytest.fixture(scope="module")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("documentation")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=True)
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_diagrams_are_drawn_without_another_machine(browser: Browser, documentation: Path, name: str) -> None:
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((documentation / name).as_uri())
    # The theme draws into a closed shadow root, so what shows is that its host has grown to a picture's size.
    diagrams = page.locator("div.mermaid")
    expect(diagrams).to_have_count(PAGES[name], timeout=30_000)
    heights = [box["height"] for diagram in diagrams.all() if (box := diagram.bounding_box())]
    assert all(height > 100 for height in heights), heights
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()
