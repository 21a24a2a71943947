"""Files read one line at a time: a line that cannot be used is reported, and the rest goes on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from cinematch.errors import ConfigurationError
from ingestion.progress import Advance

LINE_BYTES_MAX: Final = 1 << 20
"""Nobody's film takes a mebibyte; a file without line ends must not fill the memory."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

Row = TypeVar("Row")


class UnusableRow(ValueError):
    """A row that cannot be used; its text says why, in one line."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out. `line` counts from 1, as editors do."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


Report = Callable[[BadRow], None]


def read_rows(
    path: Path, parse: Callable[[str], Row], report: Report, advance: Advance, *, skip_lines: int = 0
) -> Iterator[tuple[int, Row]]:
    """Give (line number, parsed row) of each good line of a UTF-8 file; blank lines are nothing.

    `parse` raises UnusableRow for a bad line, which goes to `report`. `advance` is told the bytes read. Memory: one
    line. Raises ConfigurationError when the file cannot be opened.
    """
    with _opened(path) as file:
        for number, line in enumerate(_lines(file), 1):
            advance(len(line))
            if number <= skip_lines or not line.strip():
                continue
            try:
                row = parse(_text(line))
            except UnusableRow as error:
                report(BadRow(path.name, number, str(error)))
            else:
                yield number, row


def size_bytes(path: Path) -> int:
    """Give the size of a file. Raises ConfigurationError when it cannot be opened."""
    with _opened(path) as file:
        return file.seek(0, SEEK_END)


def columns(path: Path, wanted: Sequence[str]) -> list[int]:
    """Find the wanted columns in the first line of a CSV file. Raises ConfigurationError when one is missing."""
    with _opened(path) as file:
        header = next(_lines(file), b"")
    try:
        names = cells(_text(header))
    except UnusableRow:
        names = []
    if any(name not in names for name in wanted):
        raise ConfigurationError(
            f"{path}: the first line must name the columns {','.join(wanted)}; take the file as it was published"
        )
    return [names.index(name) for name in wanted]


def cells(line: str) -> list[str]:
    """Split one line of CSV. Raises UnusableRow when its quotes do not match."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise UnusableRow(f"not a row of CSV: {error}") from None


def chosen(line: str, places: Sequence[int]) -> list[str]:
    """Give the cells at `places` of one line of CSV. Raises UnusableRow when the row is too short."""
    row = cells(line)
    if len(row) <= max(places):
        raise UnusableRow(f"{len(row)} columns where {max(places) + 1} are due")
    return [row[place] for place in places]


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}): give the path of the file") from None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines; of one that is too long, only so much that this can be seen."""
    first = True
    while line := file.readline(LINE_BYTES_MAX + 1):
        rest = line
        while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES_MAX + 1)
        yield line.removeprefix(_BYTE_ORDER_MARK) if first else line
        first = False


def _text(line: bytes) -> str:
    if len(line) > LINE_BYTES_MAX:
        raise UnusableRow(f"the line is longer than {LINE_BYTES_MAX} bytes")
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UnusableRow(f"not UTF-8 at byte {error.start + 1} of the line") from None
