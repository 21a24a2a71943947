"""Runs one stack in the foreground until it is told to stop: the process that every server and layer is a child of.

1. Hold the data folder; end what an earlier, killed supervisor left.
2. Choose ports and start the servers, then the layers; write the status on each change.
3. Watch: whatever ends is started again.
4. On a stop, end the layers, then the servers, then whatever is left.

All of it in one thread, because children are bound to the life of the thread that starts them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Final

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.orphans import end_orphans
from cinematch.local_stack.ports import turn_to_choose
from cinematch.local_stack.private_file import write_private
from cinematch.local_stack.service import Service, ServiceFailed
from cinematch.local_stack.stack import Stack
from cinematch.local_stack.stack_status import StackPhase, StackStatus, write_status
from cinematch.local_stack.watched_service import Phase, WatchedService

STEP_SECONDS: Final = 0.2
STARTS_BEFORE_GIVING_UP: Final = 3  # while the stack comes up; afterwards it never gives up


class Supervisor:
    """Supervises the stack that `build` lays out once the folder is held; `stopping` ends it from outside."""

    def __init__(self, folder: DataFolder, build: Callable[[], Stack], stopping: Event) -> None:
        self._folder = folder
        self._build = build
        self._stopping = stopping
        self._phase: StackPhase = "starting"
        self._failure = ""
        self._stack: Stack | None = None
        self._servers: list[WatchedService] = []
        self._layers: list[WatchedService] = []
        self._written: StackStatus | None = None

    def run(self) -> bool:
        """Bring the stack up, watch it until told to stop, end it; False when it could not be brought up.

        Raises Conflict when the folder has a supervisor already.
        """
        with self._folder.held():
            self._write_status()
            end_orphans(self._folder.path)
            try:
                with turn_to_choose(self._stopping.is_set):
                    self._bring_up()
                self._watch()
            except ServiceFailed as failure:
                self._failure = str(failure)
            finally:
                self._bring_down()
        return not self._failure

    def _bring_up(self) -> None:
        if self._stopping.is_set():
            return
        self._stack = self._build()
        write_private(self._folder.environment_file, json.dumps(self._stack.environment))
        self._servers = [WatchedService(service, time.monotonic) for service in self._stack.servers]
        self._layers = [WatchedService(service, time.monotonic) for service in self._stack.layers]
        self._start(self._servers)
        self._start(self._layers)

    def _start(self, group: Sequence[WatchedService]) -> None:
        """Start a group and watch everything until each of the group runs. Raises ServiceFailed."""
        for watched in group:
            if not self._stopping.is_set():
                watched.start()
        while not self._stopping.is_set() and any(watched.phase is not Phase.RUNNING for watched in group):
            self._step()
            for watched in group:
                if watched.failures >= STARTS_BEFORE_GIVING_UP:
                    raise ServiceFailed(f"{watched.service.name} does not start: {watched.status().last_error}")

    def _watch(self) -> None:
        if not self._stopping.is_set():
            self._phase = "running"
        while not self._stopping.is_set():
            self._step()

    def _step(self) -> None:
        for watched in (*self._servers, *self._layers):
            watched.step()
            watched.service.log.trim()
        self._write_status()
        self._stopping.wait(STEP_SECONDS)

    def _bring_down(self) -> None:
        """End every part, also where the status cannot be written: a full disk must leave no process behind."""
        self._phase = "stopping"
        try:
            self._write_status()
        finally:
            for group in (self._layers, self._servers):
                _stop_all([watched.service for watched in group])
            end_orphans(self._folder.path)
            self._phase = "failed" if self._failure else "stopped"
            self._write_status()

    def _write_status(self) -> None:
        status = StackStatus(
            phase=self._phase,
            pid=os.getpid(),
            addresses=self._stack.addresses if self._stack else {},
            spark_ui=self._stack.spark_ui if self._stack else {},
            notes=self._stack.notes if self._stack else (),
            servers={watched.service.name: watched.status() for watched in self._servers},
            layers={watched.service.name: watched.status() for watched in self._layers},
            failure=self._failure,
        )
        if status != self._written:
            write_status(self._folder, status)
            self._written = status


def _stop_all(services: Sequence[Service]) -> None:
    """Ask all at once, then wait for each: the slowest decides how long it takes, not the sum."""
    for service in services:
        service.terminate()
    for service in services:
        service.stop()
