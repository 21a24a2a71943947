"""The check of command lines, on lines that are right and lines that are not."""

from __future__ import annotations

import pytest

from tests.commands import check_command


@pytest.mark.parametrize(
    "line",
    [
        "cinematch up --detach",
        "cinematch --data-dir /tmp/x batch run --full",
        "cinematch batch rollback 3",
        "cinematch lake verify --deep",
        "cinematch advise --users 10 --events-per-day 20 --latency-ms 5 --budget yes",
        "python -m micro_batch",
        "cinematch batch --help",
    ],
)
def test_a_line_that_exists_passes(line: str) -> None:
    check_command(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "cinematch nothing",
        "cinematch batch walk",
        "cinematch batch run --fast",
        "cinematch --folder x status",
        "python -m no_layer",
        "docker run",
    ],
)
def test_a_line_that_does_not_exist_is_refused(line: str) -> None:
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        check_command(line.split())
