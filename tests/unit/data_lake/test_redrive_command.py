"""`dlq redrive --all` gets to the last record, whoever else is at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cinematch.contracts.dead_letter import DeadLetter
from cinematch.errors import Conflict
from cinematch.settings import Settings
from data_lake import commands
from data_lake.dead_letters import CannotRedrive, RejectedRecord


class SharedBox:
    """Three records: one that somebody else publishes at the same moment, one without a value, and a good one."""

    def records(self) -> list[RejectedRecord]:
        return [RejectedRecord(letter(offset), ("data_lake",)) for offset in range(3)]

    def record(self, identity: str) -> RejectedRecord:
        return self.records()[int(identity.rsplit("/", 1)[1])]

    def redrive(self, record: RejectedRecord) -> str:
        if record.letter.offset == 0:
            raise Conflict(f"{record.letter.identity}: an object of this name exists")
        if record.letter.offset == 1:
            raise CannotRedrive(f"{record.letter.identity}: its value is empty")
        return "events/0/7"


def letter(offset: int) -> DeadLetter:
    return DeadLetter("no JSON", "data_lake", "events", 0, offset, None, b"{", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(settings: Settings) -> Iterator[SharedBox]:
        yield SharedBox()

    monkeypatch.setattr(commands, "open_letter_box", opened)


def test_one_that_somebody_else_published_meanwhile_stops_no_other() -> None:
    every = CliRunner().invoke(commands.dlq, ["redrive", "--all"])
    assert every.exit_code == 0
    assert "events/0/2 -> events/0/7" in every.stdout
    assert "1 of 3 records published again" in every.stdout
    assert every.stderr.splitlines() == [
        "events/0/0: an object of this name exists",
        "events/0/1: its value is empty",
    ]


def test_a_record_asked_for_by_name_is_refused_as_an_error() -> None:
    assert isinstance(CliRunner().invoke(commands.dlq, ["redrive", "events/0/0"]).exception, Conflict)
