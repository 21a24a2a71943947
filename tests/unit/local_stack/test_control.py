"""When a stack counts as ready: every server and layer runs, and whoever waits for less is told what is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from cinematch.cli.application import app
from cinematch.errors import CineMatchError
from cinematch.local_stack import control
from cinematch.local_stack.control import StackFailed, await_ready
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import ServiceStatus, StackStatus

RUNS, FAILED = ServiceStatus("running"), ServiceStatus("failed", last_error="it ended with exit code 1\nno such topic")
STARTING = StackStatus("starting")
READY = StackStatus("running", servers={"kafka": RUNS}, layers={"api": RUNS})
UNREADY = StackStatus("running", servers={"kafka": RUNS}, layers={"api": FAILED})


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> list[StackStatus]:
    """What is true at each look, the last one from then on; a look comes ten seconds after the one before."""
    told: list[StackStatus] = []
    monkeypatch.setattr(control, "current_status", lambda _: told.pop(0) if len(told) > 1 else told[0])
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(control, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))
    return told


def test_a_stack_that_starts_or_mends_itself_is_awaited(statuses: list[StackStatus], tmp_path: Path) -> None:
    statuses += [STARTING, STARTING, UNREADY, UNREADY, READY]
    shown: list[StackStatus] = []
    assert await_ready(DataFolder(tmp_path), shown.append) == READY
    assert shown == [STARTING, UNREADY, READY]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (UNREADY, "api is not ready: it ended with exit code 1\nno such topic"),
        (StackStatus("stopping"), "is being stopped"),
        (StackStatus("stopping", failure="api does not start: no such topic"), "no such topic"),
        (StackStatus("stopped"), "stopped before it was ready"),
        (StackStatus("failed", failure="api does not start: no such topic"), "no such topic"),
    ],
)
def test_what_does_not_become_ready_fails_with_the_last_words(
    statuses: list[StackStatus], tmp_path: Path, last: StackStatus, words: str
) -> None:
    statuses += [STARTING, last]
    with pytest.raises(StackFailed) as failed:
        await_ready(DataFolder(tmp_path), lambda _: None)
    assert words in str(failed.value)


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_up_beside_a_stack_that_is_not_whole_fails(
    statuses: list[StackStatus], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str]
) -> None:
    statuses += [STARTING, UNREADY]
    monkeypatch.setattr(DataFolder, "is_held", True)
    outcome: Any = CliRunner().invoke(app, ["up", "--data-dir", str(tmp_path), *options])
    assert isinstance(outcome.exception, CineMatchError)
    assert "no such topic" in str(outcome.exception)
