"""Files are read one line at a time; a bad line is reported with its number and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.errors import ConfigurationError
from ingestion.imports.rows import LINE_BYTES_MAX, BadRow, UnusableRow, columns, read_rows


def number(line: str) -> int:
    if not line.isdigit():
        raise UnusableRow("not a number")
    return int(line)


def rows_of(path: Path, skip_lines: int = 0) -> tuple[list[tuple[int, int]], list[BadRow], int]:
    bad: list[BadRow] = []
    sizes: list[int] = []
    good = list(read_rows(path, number, bad.append, sizes.append, skip_lines=skip_lines))
    return good, bad, sum(sizes)


def test_bad_lines_are_reported_with_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(b"\xef\xbb\xbf1\r\n\nx\n\xff\xfe\n5\n6")

    good, bad, size = rows_of(path)

    assert good == [(1, 1), (5, 5), (6, 6)]
    assert [str(row) for row in bad] == ["numbers:3: not a number", "numbers:4: not UTF-8 at byte 1 of the line"]
    assert size == path.stat().st_size - 3  # without the byte order mark


def test_header_is_skipped_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_text("header\n2\nx\n")
    assert rows_of(path, skip_lines=1)[:2] == ([(2, 2)], [BadRow("numbers", 3, "not a number")])


def test_endless_line_is_one_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(b"1\n" + b"7" * (3 * LINE_BYTES_MAX + 5) + b"\n3\n")
    good, bad, _ = rows_of(path)
    assert good == [(1, 1), (3, 3)]
    assert [row.line for row in bad] == [2]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere cannot be read"):
        rows_of(tmp_path / "nowhere")


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text('timestamp,"rating",movieId,userId,extra\n')
    assert columns(path, ("userId", "movieId", "rating", "timestamp")) == [3, 2, 1, 0]


@pytest.mark.parametrize("header", [b"", b"userId,movieId,timestamp\n", b"1,2,3.5,964982703\n", b"\xff\n"])
def test_wrong_header_says_which_columns_are_due(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(header)
    with pytest.raises(ConfigurationError, match="userId,movieId,rating,timestamp"):
        columns(path, ("userId", "movieId", "rating", "timestamp"))
