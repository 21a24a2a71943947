"""How a process tells, for as long as it lives, that it does: a lease that it keeps prolonging, for whoever looks.

A process that ends as it was asked to gives its lease back: nobody misses it. One that dies leaves it behind, with its
name and the time of its last beat. What is NOT told: whether a process that beats does its work; its lag says that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cinematch.contracts.exclusion import RENEWALS_PER_LEASE, Lease, owner_name
from cinematch.contracts.layers import Layer
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger

HEARTBEAT_SECONDS: Final = 20.0
"""How old a beat may be before its process counts as dead: longer than a busy machine holds a process up."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LastBeat:
    """The last process that beat for a layer and was not asked to end; `alive`: its beat is young enough."""

    process: str
    beat_at: datetime
    alive: bool


def heartbeat_lease(layer: Layer) -> str:
    """Name the lease that a layer's process keeps prolonging."""
    return f"heartbeat/{layer.value}"


def process_name() -> str:
    """Name this process: host and process id. A container that is started again goes on under the same name."""
    return owner_name(os.getpid()).rstrip("/")


class Heartbeat:
    """The beat of one process; of several of a layer one is told of, and another one once that is gone."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    def run(self, stop: threading.Event) -> None:
        """Beat until `stop`. A store that does not answer is no reason to end: the next beat may arrive."""
        self._beat()
        while not stop.wait(self._lease.duration_seconds / RENEWALS_PER_LEASE):
            self._beat()

    @contextmanager
    def ended_if(self, asked: threading.Event) -> Iterator[None]:
        """Say behind the block, however it ends, that the process ends as it was `asked` to; nothing if it was not.

        `run` is over by then.
        """
        try:
            yield
        finally:
            if asked.is_set():
                self._end()

    def _end(self) -> None:
        """Never raises: the lease runs out by itself."""
        try:
            self._lease.release()
        except StoreUnavailable as error:
            _log.warning("the heartbeat's end is not told", reason=str(error))

    def _beat(self) -> None:
        try:
            self._lease.acquire()
        except StoreUnavailable as error:
            _log.warning("a heartbeat is not told", reason=str(error))
