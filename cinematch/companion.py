"""A thread beside a process's main work, whose failure is kept until somebody asks: nothing dies alone, unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LEAVE_SECONDS: Final = 10.0
"""How long a process that ends waits for its companion."""


class Companion:
    """Runs `work(stop)` in a daemon thread; `failure` is what ended it before its time."""

    def __init__(self, name: str, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        self.failure: BaseException | None = None
        self._work = work
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_seconds: float) -> None:
        """Wait for its end."""
        self._thread.join(timeout_seconds)

    def check(self) -> None:
        """Raise what ended it, if anything did."""
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            self._work(self._stop)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self.failure = error


@contextmanager
def accompanied(name: str, work: Callable[[threading.Event], None]) -> Iterator[Companion]:
    """Have a companion at work inside of a `with` block; it is asked to stop at the end."""
    stop = threading.Event()
    companion = Companion(name, work, stop)
    companion.start()
    try:
        yield companion
    finally:
        stop.set()
        companion.join(LEAVE_SECONDS)
