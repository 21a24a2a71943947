"""When a service is started, started again, and how it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cinematch.errors import CineMatchError
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.service import Service
from cinematch.local_stack.watched_service import (
    LONGEST_DELAY_SECONDS,
    STABLE_SECONDS,
    Phase,
    WatchedService,
    restart_delay_seconds,
)


class Clock:
    """Time that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ScriptedService(Service):
    """A service without a process: the test says whether it lives and serves."""

    name = "scripted"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, LogFile(folder / "log"))
        self.living = False
        self.serving = False
        self.refusal: CineMatchError | None = None
        self.starts = 0
        self.kills = 0

    def argv(self) -> Sequence[str | Path]:
        raise AssertionError("no process is started")

    def ready(self) -> bool:
        return self.serving

    @property
    def alive(self) -> bool:
        return self.living

    def start(self) -> None:
        self.starts += 1
        if self.refusal:
            raise self.refusal
        self.living = True

    def kill(self) -> None:
        self.kills += 1
        self.living = False


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(tmp_path: Path) -> ScriptedService:
    return ScriptedService(tmp_path)


@pytest.fixture
def watched(service: ScriptedService, clock: Clock) -> WatchedService:
    return WatchedService(service, clock)


def test_delays_double_up_to_a_bound() -> None:
    assert [restart_delay_seconds(failures) for failures in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert restart_delay_seconds(7) == LONGEST_DELAY_SECONDS


@pytest.mark.parametrize("failures", [50, 1024, 1025, 100_000])
def test_a_service_that_fails_for_ever_is_started_again_for_ever(
    watched: WatchedService, service: ScriptedService, clock: Clock, failures: int
) -> None:
    service.refusal = CineMatchError("no such program")
    watched.failures = failures - 1
    watched.start()
    assert watched.status().detail == "starts again after 30.0 s"
    clock.now += LONGEST_DELAY_SECONDS
    watched.step()
    assert service.starts == 2


def test_a_service_runs_once_it_serves(watched: WatchedService, service: ScriptedService) -> None:
    watched.start()
    watched.step()
    assert (watched.phase, watched.status().state) == (Phase.STARTING, "stopped")
    service.serving = True
    watched.step()
    assert (watched.phase, watched.status().state) == (Phase.RUNNING, "running")


def test_an_ended_service_is_started_again_when_its_delay_is_over(
    watched: WatchedService, service: ScriptedService, clock: Clock
) -> None:
    watched.start()
    service.living = False
    watched.step()
    assert watched.status().state == "failed"
    clock.now += 0.49
    watched.step()
    assert service.starts == 1
    clock.now += 0.01
    watched.step()
    assert service.starts == 2
    assert watched.status().restarts == 1


def test_a_restarted_service_is_reported_running_with_its_last_error(
    watched: WatchedService, service: ScriptedService, clock: Clock
) -> None:
    service.log.open().write(b"out of cheese\n")
    watched.start()
    service.living = False
    watched.step()
    service.serving = True
    clock.now += 1
    watched.step()
    watched.step()
    status = watched.status()
    assert (status.state, status.restarts) == ("running", 1)
    assert "out of cheese" in status.last_error


def test_each_failure_in_a_row_waits_longer(watched: WatchedService, service: ScriptedService, clock: Clock) -> None:
    watched.start()
    for failures in (1, 2, 3):
        service.living = False
        watched.step()
        assert watched.failures == failures
        clock.now += restart_delay_seconds(failures)
        watched.step()
        assert watched.phase is Phase.STARTING


def test_a_long_good_run_forgives_old_failures(watched: WatchedService, service: ScriptedService, clock: Clock) -> None:
    watched.start()
    service.living = False
    watched.step()
    clock.now += 1
    service.serving = True
    watched.step()
    watched.step()
    clock.now += STABLE_SECONDS
    watched.step()
    assert (watched.phase, watched.failures) == (Phase.RUNNING, 0)


def test_a_service_that_never_serves_is_killed_and_has_failed(
    watched: WatchedService, service: ScriptedService, clock: Clock
) -> None:
    watched.start()
    clock.now += service.start_seconds + 1
    watched.step()
    assert service.kills == 1
    assert watched.phase is Phase.WAITING
    assert "not ready" in watched.status().last_error


def test_one_that_was_too_slow_gets_longer_the_next_time_and_its_usual_time_once_it_served(
    watched: WatchedService, service: ScriptedService, clock: Clock
) -> None:
    """Killed at the same age again and again, it would never come up on a machine that is too slow for it."""
    watched.start()
    for patience in (1, 2, 4, 4):
        failures = watched.failures
        clock.now += patience * service.start_seconds
        watched.step()
        assert watched.failures == failures
        clock.now += 1
        watched.step()
        assert watched.failures == failures + 1
        assert f"not ready in {patience * service.start_seconds:.0f} s" in watched.status().last_error
        clock.now += restart_delay_seconds(watched.failures)
        watched.step()
    service.serving = True
    watched.step()
    service.serving = service.living = False
    watched.step()
    clock.now += restart_delay_seconds(watched.failures)
    watched.step()
    clock.now += service.start_seconds + 1
    watched.step()
    assert "not ready in 60 s" in watched.status().last_error


def test_a_service_that_cannot_even_be_started_has_failed(watched: WatchedService, service: ScriptedService) -> None:
    service.refusal = CineMatchError("no such program")
    watched.start()
    assert watched.phase is Phase.WAITING
    assert watched.status().last_error == "no such program"
