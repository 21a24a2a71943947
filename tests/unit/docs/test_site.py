"""The documentation as a site: it builds without a warning, and no page needs another machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?([^\"' >]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (site / page).exists()} == set()


def test_pages_load_files_of_the_site_only(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    for page in pages:
        for address in LOADED.findall(page.read_text()):
            assert "://" not in address, f"{page.name} loads {address}"
            assert not address.startswith("//"), f"{page.name} loads {address}"
    assert len(pages) > 20


def test_diagrams_find_their_script_on_every_page(site: Path) -> None:
    """Where it is missing, the theme would fetch one from elsewhere."""
    for page in sorted(site.rglob("*.html")):
        text = page.read_text()
        if 'class="mermaid"' in text:
            assert "assets/javascripts/mermaid.tiny.js" in text


def test_styles_load_nothing_from_elsewhere(site: Path) -> None:
    for style in sorted(site.rglob("*.css")):
        assert not re.search(r"(?:@import|url\()\s*[\"']?https?://", style.read_text()), style.name


def test_the_code_that_makes_pages_is_not_published(site: Path) -> None:
    assert not list(site.rglob("*.py"))
