"""The scheduler's child processes: they are ended when asked, and a bad end of their own is told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from batch_layer.scheduled_command import BATCH, COMPACTION, Failure, ScheduledCommand

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


def started(command: ScheduledCommand) -> threading.Thread:
    night = threading.Thread(target=command.run)
    night.start()
    while command.pid is None:
        time.sleep(0.01)
    return night


def test_the_commands_are_those_that_people_type() -> None:
    assert BATCH[1:] == ("-m", "cinematch", "batch", "run")
    assert COMPACTION[1:] == ("-m", "cinematch", "lake", "compact")


def test_a_child_that_was_killed_is_told() -> None:
    failures: list[Failure] = []
    command = ScheduledCommand(SLEEPER, failures.append)
    night = started(command)
    assert command.pid is not None
    os.kill(command.pid, signal.SIGKILL)
    night.join(timeout=20)
    (failure,) = failures
    assert (failure.pid, failure.reason) == (command.pid, "killed by signal 9")
    assert datetime.now(UTC) - timedelta(minutes=1) < failure.started_at <= failure.ended_at


def test_a_failing_command_does_not_raise() -> None:
    failures: list[Failure] = []
    ScheduledCommand([sys.executable, "-c", "raise SystemExit(3)"], failures.append).run()
    assert [failure.reason for failure in failures] == ["ended with exit code 3"]


def test_stopping_ends_the_child_and_is_no_failure() -> None:
    failures: list[Failure] = []
    command = ScheduledCommand(SLEEPER, failures.append)
    night = started(command)
    pid = command.pid
    command.stop()
    night.join(timeout=20)
    assert not night.is_alive()
    command.run()
    assert (failures, command.pid) == ([], pid)
