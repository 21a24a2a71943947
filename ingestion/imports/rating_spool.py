"""Ratings put in order on disk: by user, then by time, then by movie_id, whatever order the file has.

The published files are grouped by user, but an import must not depend on it; and a user's events are to follow the
times of watching. The spool is a temporary SQLite file, so memory holds one user at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import TracebackType
from typing import NamedTuple, Self

from cinematch.errors import ConfigurationError
from ingestion.imports.movielens_lines import StarRating

_SCHEMA = """
CREATE TABLE ratings (
    user_id TEXT, movie_id TEXT, tenths INTEGER, watched_second INTEGER, line INTEGER,
    PRIMARY KEY (user_id, movie_id)
) WITHOUT ROWID
"""
# A film that one user rated twice counts with the later rating (of equal times, the later line), once: else each run of
# the same import would change the rating to and fro.
_INSERT = """
INSERT INTO ratings VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    tenths = excluded.tenths, watched_second = excluded.watched_second, line = excluded.line
WHERE excluded.watched_second >= watched_second
"""
_IN_ORDER = """
SELECT user_id, movie_id, tenths, watched_second, line FROM ratings ORDER BY user_id, watched_second, movie_id
"""


class SpooledRating(NamedTuple):
    """A rating of one user, and the line that it came from."""

    movie_id: str
    tenths: int
    watched_at: datetime
    line: int


class RatingSpool:
    """A context: the file lives as long as it is open. Not for use from several threads."""

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="cinematch-import-")
        self._database = sqlite3.connect(Path(self._folder.name) / "ratings")
        # Nothing here outlives the process, so nothing needs to survive a crash.
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(_SCHEMA)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, rows: Iterable[tuple[int, StarRating]]) -> None:
        """Take in all rows, each with its line number. Raises ConfigurationError when the disk has no room for them."""
        try:
            self._database.executemany(
                _INSERT,
                ((row.user_id, row.movie_id, row.tenths, int(row.watched_at.timestamp()), line) for line, row in rows),
            )
        except sqlite3.OperationalError as error:
            raise ConfigurationError(
                f"no room to put the ratings in order in {gettempdir()} ({error}): let TMPDIR name a folder that has"
            ) from error

    def count(self) -> int:
        """Count the ratings, without repeated ones."""
        return int(self._database.execute("SELECT count(*) FROM ratings").fetchone()[0])

    def by_user(self) -> Iterator[tuple[str, list[SpooledRating]]]:
        """Give each user with their ratings in order."""
        rows = self._database.execute(_IN_ORDER)
        for user_id, group in groupby(rows, key=lambda row: row[0]):
            yield user_id, [_spooled(row) for row in group]


def _spooled(row: tuple[str, str, int, int, int]) -> SpooledRating:
    _, movie_id, tenths, second, line = row
    return SpooledRating(movie_id, tenths, datetime.fromtimestamp(second, UTC), line)
