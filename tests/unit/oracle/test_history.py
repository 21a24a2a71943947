"""Histories of schedules stay until everything, the checks at the end included, was right."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.oracle.history import kept_on_failure


def run(folder: Path, fault: str = "") -> None:
    with kept_on_failure(folder) as histories:
        for seed in (1, 2):
            histories.begin(f"schedule-{seed}").note("action", action="kill redis")
        assert not fault, fault


def test_every_history_is_kept_when_the_checks_behind_the_schedules_fail(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a view is wrong") as failure:
        run(tmp_path, fault="a view is wrong")
    assert failure.value.__notes__ == [f"histories: {tmp_path}"]
    kept = {path.name: orjson.loads(path.read_bytes())["action"] for path in tmp_path.iterdir()}
    assert kept == {"schedule-1.jsonl": "kill redis", "schedule-2.jsonl": "kill redis"}


def test_none_is_kept_when_all_was_right(tmp_path: Path) -> None:
    other = tmp_path / "schedule-9.jsonl"
    other.write_text("of another run")
    run(tmp_path)
    assert list(tmp_path.iterdir()) == [other]
