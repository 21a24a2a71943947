"""One service under supervision: started, watched, and started again after it ended, each time a little later.

A state machine that never blocks for long: the supervisor calls `step` for each service in turn. Time comes from
outside, so tests move it by hand.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from cinematch.errors import CineMatchError
from cinematch.local_stack.service import Service
from cinematch.local_stack.stack_status import ServiceState, ServiceStatus

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 30.0
MOST_DOUBLINGS: Final = 10  # they lead beyond the longest delay; a thousand lead beyond what a float can hold
STABLE_SECONDS: Final = 60.0  # after so long without a failure, the next one counts as the first
MOST_PATIENCE: Final = 4  # as many times its usual seconds a service may take that was too slow before


class Phase(Enum):
    """Where a service stands."""

    IDLE = auto()
    STARTING = auto()
    RUNNING = auto()
    WAITING = auto()


def restart_delay_seconds(failures: int) -> float:
    """How long to wait after the given number of failures in a row: 0.5, 1, 2, 4, ... at most 30 seconds."""
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, MOST_DOUBLINGS))


class WatchedService:
    """A service, where it stands, and how often it failed in a row (`failures`)."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self.service = service
        self.phase = Phase.IDLE
        self.failures = 0
        self._clock = clock
        self._since = clock()  # when the phase began
        self._starts = 0
        self._patience = 1
        self._last_error = ""

    def start(self) -> None:
        """Start it now; what goes wrong is a failure like any later one."""
        self._starts += 1
        self._enter(Phase.STARTING)
        try:
            self.service.start()
        except (OSError, CineMatchError) as error:
            self._fail(str(error))

    def step(self) -> None:
        """Look at it once and do what is due."""
        waited = self._clock() - self._since
        if self.phase is Phase.WAITING:
            if waited >= restart_delay_seconds(self.failures):
                self.start()
        elif self.phase is not Phase.IDLE and not self.service.alive:
            self._fail(self._ending())
        elif self.phase is Phase.STARTING:
            self._step_starting(waited)
        elif self.phase is Phase.RUNNING and waited >= STABLE_SECONDS:
            self.failures = 0

    def status(self) -> ServiceStatus:
        """For people."""
        restarts = max(0, self._starts - 1)
        pid = self.service.pid
        return ServiceStatus(self._state(), pid, self._detail(), restarts, self._last_error, self.service.metrics_url)

    def _step_starting(self, waited: float) -> None:
        if self.service.ready():
            self._patience = 1
            self._enter(Phase.RUNNING)
        elif waited > self._patience * self.service.start_seconds:
            seconds = self._patience * self.service.start_seconds
            # A machine that was too slow for it once is so again: killed at the same age each time, it never came up.
            self._patience = min(MOST_PATIENCE, 2 * self._patience)
            self._fail(f"it was not ready in {seconds:.0f} s")

    def _fail(self, reason: str) -> None:
        self.failures += 1
        self._last_error = f"{reason}\n{self.service.last_words()}".strip()
        self.service.kill()  # it, if it lives, and what its process group may have left
        self._enter(Phase.WAITING)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._since = self._clock()

    def _ending(self) -> str:
        code = self.service.process.exit_code if self.service.process else None
        if code is not None and code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        return f"it ended with exit code {code}"

    def _state(self) -> ServiceState:
        if self.phase is Phase.RUNNING:
            return "running"
        return "failed" if self.failures else "stopped"

    def _detail(self) -> str:
        if self.phase is Phase.STARTING:
            return "starting again" if self.failures else "starting"
        if self.phase is Phase.WAITING:
            return f"starts again after {restart_delay_seconds(self.failures):.1f} s"
        return ""
