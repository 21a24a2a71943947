"""Operations that can be stopped before any call to a store, so that a seeded schedule may interleave or kill them.

An operation runs in a thread of its own, but only while the schedule lets it: at any time one thread runs, so the same
seed gives the same interleaving.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Final

from cinematch.errors import CineMatchError

STUCK_SECONDS: Final = 30


class Killed(BaseException):
    """The process of the operation is killed: nothing of ours may catch this."""


class Stepped:
    """An operation between two of its stops. One of our own errors (a store is down) ends it, as it ends a process."""

    def __init__(self, operation: Callable[[Callable[[], None]], None]) -> None:
        self._may_run = threading.Semaphore(0)
        self._has_stopped = threading.Semaphore(0)
        self._is_killed = False
        self._stops_to_pass = 0.0
        self._failure: BaseException | None = None
        self.is_over = False
        self._thread = threading.Thread(target=self._run, args=(operation,), daemon=True)
        self._thread.start()

    def step(self, stops: float) -> None:
        """Let it run to its `stops`-th stop from here, or its end. Raises what it raised, but for errors of ours."""
        if self.is_over:
            return
        self._stops_to_pass = stops - 1
        self._may_run.release()
        if not self._has_stopped.acquire(timeout=STUCK_SECONDS):
            raise TimeoutError("an operation neither stops nor ends")
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Let it run to its end."""
        self.step(inf)

    def kill(self) -> None:
        """End it where it stands; what it has done to the stores stays."""
        self._is_killed = True
        self.step(1)

    def _run(self, operation: Callable[[Callable[[], None]], None]) -> None:
        self._may_run.acquire()
        try:
            if not self._is_killed:
                operation(self._pause)
        except (Killed, CineMatchError):
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the thread of the test
            self._failure = error
        self.is_over = True
        self._has_stopped.release()

    def _pause(self) -> None:
        if self._stops_to_pass > 0 and not self._is_killed:
            self._stops_to_pass -= 1
            return
        self._has_stopped.release()
        self._may_run.acquire()
        if self._is_killed:
            raise Killed


class Paused:
    """A store whose every method calls `pause` first."""

    def __init__(self, store: object, pause: Callable[[], None]) -> None:
        self._store = store
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self._pause()
            return attribute(*args, **kwargs)

        return call


class AsyncPaused:
    """The same for stores with coroutines."""

    def __init__(self, store: object, pause: Callable[[str], Awaitable[None]]) -> None:
        self._store = store
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._pause(name)
            return await attribute(*args, **kwargs)

        return call
