"""Ratings leave the spool by user, time and movie_id, each film of a user once."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematch.errors import ConfigurationError
from ingestion.imports.movielens_lines import StarRating
from ingestion.imports.rating_spool import RatingSpool

ratings = st.builds(
    StarRating,
    user_id=st.sampled_from(["1", "2", "10", "ñ"]),
    movie_id=st.sampled_from(["1", "2", "10", "3"]),
    tenths=st.integers(1, 10).map(lambda halves: halves * 10),
    watched_at=st.integers(0, 5).map(lambda second: datetime.fromtimestamp(second, UTC)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ratings, max_size=30))
def test_spool_gives_the_latest_rating_of_each_film_in_order(rows: list[StarRating]) -> None:
    latest: dict[tuple[str, str], tuple[datetime, int]] = {}
    for line, row in enumerate(rows, 2):
        known = latest.get((row.user_id, row.movie_id))
        if known is None or row.watched_at >= known[0]:
            latest[row.user_id, row.movie_id] = (row.watched_at, line)

    with RatingSpool() as spool:
        spool.add(enumerate(rows, 2))
        users = list(spool.by_user())
        assert spool.count() == len(latest)

    assert {(user, row.movie_id): (row.watched_at, row.line) for user, taken in users for row in taken} == latest
    assert [user for user, _ in users] == sorted({row.user_id for row in rows})
    for user, taken in users:
        assert [(row.watched_at, row.movie_id) for row in taken] == sorted((r.watched_at, r.movie_id) for r in taken)
        assert all(rows[row.line - 2].tenths == row.tenths and rows[row.line - 2].user_id == user for row in taken)


def test_spool_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with RatingSpool():
        assert list(tmp_path.rglob("ratings"))
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_one_sentence() -> None:
    rows = [StarRating("1", str(number), 50, datetime.fromtimestamp(0, UTC)) for number in range(5_000)]
    with RatingSpool() as spool:
        spool._database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(ConfigurationError, match="TMPDIR"):
            spool.add(enumerate(rows, 2))
