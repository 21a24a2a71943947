"""`cinematch seed` invents the same data every day, unless it is told another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestion import commands
from ingestion.seeding.loading import DataSet, Loaded


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[DataSet]:
    """What was to be loaded; no database is asked."""
    asked: list[DataSet] = []

    class Recorder:
        def __init__(self, *_: Any) -> None: ...

        def run(self, data: DataSet, rate: float | None) -> Loaded:
            asked.append(data)
            return Loaded(0, 0, 0, 0.0)

    @contextmanager
    def database() -> Iterator[None]:
        yield None

    for name in ("CatalogWriter", "Watchlists", "Sequences"):
        monkeypatch.setattr(commands, name, lambda _: None)
    monkeypatch.setattr(commands, "Loading", Recorder)
    monkeypatch.setattr(commands, "_database", database)
    return asked


def seed(*options: str) -> None:
    result = CliRunner().invoke(commands.seed, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_data_are_the_same_on_every_day(loaded: list[DataSet]) -> None:
    seed()
    assert loaded[0].until == datetime(2026, 1, 1, tzinfo=UTC)


def test_films_are_watched_before_the_day_that_is_asked_for(loaded: list[DataSet]) -> None:
    seed("--until", "2030-02-03")
    assert loaded[0].until == datetime(2030, 2, 3, tzinfo=UTC)
