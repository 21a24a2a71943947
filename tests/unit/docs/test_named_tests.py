"""Documents that say which test shows a claim: the tests are there, and each claim of a table has one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.named_tests import NAMED, ROOT, names_in

HOW_TO = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "how-to").glob("*.md"))
PAGES = ("README.md", "SECURITY.md", "docs/reliability.md", "docs/security.md", *HOW_TO)
FEWEST = 5
"""Claims that each page makes at least; one whose tables are no longer read as such would have none."""
LOOSE = re.compile(r"`(?:tests/[\w/]*|test_\w+\.py)`")
"""A folder, or a file without its folder: nobody can check such a name."""


def named() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        for match in NAMED.finditer((ROOT / page).read_text()):
            yield page, match["file"], match["test"] or ""


def claims(page: str) -> Iterator[str]:
    """Give the rows of the tables whose last column is `test`."""
    rows: list[str] | None = None
    for line in (ROOT / page).read_text().splitlines():
        if not line.startswith("|"):
            rows = None
        elif rows is not None and not line.startswith("|---"):
            yield line
        elif line.rstrip().endswith(("| test |", "| tests |")):
            rows = []


@pytest.mark.parametrize(("page", "file", "test"), sorted(set(named())))
def test_every_test_that_is_named_is_there(page: str, file: str, test: str) -> None:
    assert (ROOT / file).is_file()
    assert not test or test in names_in(file)


@pytest.mark.parametrize("page", PAGES)
def test_every_claim_names_a_test_that_shows_it(page: str) -> None:
    rows = list(claims(page))
    assert len(rows) >= FEWEST
    assert [row for row in rows if not any(match["test"] for match in NAMED.finditer(row))] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_test_is_named_by_its_whole_path(page: str) -> None:
    assert [found for row in claims(page) for found in LOOSE.findall(row)] == []
