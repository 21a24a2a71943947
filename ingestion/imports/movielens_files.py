"""The files of a MovieLens data set, checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from cinematch.domain.watchlist import Film
from cinematch.errors import ConfigurationError
from ingestion.imports.movielens_lines import (
    LINK_COLUMNS,
    MOVIE_COLUMNS,
    RATING_COLUMNS,
    Links,
    StarRating,
    link_parser,
    movie_parser,
    rating_parser,
)
from ingestion.imports.rows import Report, columns, read_rows, size_bytes
from ingestion.progress import Advance

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class CsvFile(Generic[Row]):
    """A CSV file with a header that names the columns that we need."""

    path: Path
    parse: Callable[[str], Row]

    @classmethod
    def checked(
        cls, path: Path, wanted: Sequence[str], parser: Callable[[Sequence[int]], Callable[[str], Row]]
    ) -> Self:
        """Look at the header. Raises ConfigurationError when there is no such file, or it lacks a wanted column."""
        return cls(path, parser(columns(path, wanted)))

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return size_bytes(self.path)

    def rows(self, report: Report, advance: Advance) -> Iterator[tuple[int, Row]]:
        """Give (line number, row) of each good line; bad ones go to `report`, bytes read to `advance`."""
        return read_rows(self.path, self.parse, report, advance, skip_lines=1)


@dataclass(frozen=True, slots=True)
class MovieLensFiles:
    """movies.csv, ratings.csv and, where it is there, links.csv."""

    movies: CsvFile[Film]
    ratings: CsvFile[StarRating]
    links: CsvFile[Links] | None

    @classmethod
    def found_in(cls, folder: Path) -> Self:
        """Look at the folder. Raises ConfigurationError, which says what is missing or wrong."""
        if not folder.is_dir():
            raise ConfigurationError(f"{folder} is no folder: give the one that holds ratings.csv and movies.csv")
        links = folder / "links.csv"
        return cls(
            movies=CsvFile.checked(folder / "movies.csv", MOVIE_COLUMNS, movie_parser),
            ratings=CsvFile.checked(folder / "ratings.csv", RATING_COLUMNS, rating_parser),
            links=CsvFile.checked(links, LINK_COLUMNS, link_parser) if links.exists() else None,
        )
