"""What is done to a running stack, seen from outside.

Processes killed and paused, lines that misbehave, disks that are full, Redis emptied or taken back, MongoDB without a
primary, the event log spoiled and repeated.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import redis
from kafka import KafkaProducer
from kafka.errors import KafkaError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from cinematch.contracts.event_codec import encode
from cinematch.domain.events import Event
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import StackStatus, current_status
from tests.oracle.client import Crew
from tests.oracle.disks import Disks
from tests.oracle.processes import family
from tests.oracle.proxy import Conduct, Proxies
from tests.poison import poison

TOPIC: Final = "user-movie-events"
MET_SECONDS: Final = 30.0
"""How long a line misbehaves at most until somebody meets it."""
LOOK_SECONDS: Final = 0.2
STEP_DOWN_SECONDS: Final = 3
SEND_SECONDS: Final = 10
AOF: Final = "appendonly.aof"
NO_SPACE: Final = re.compile(rb"No space left on device|Short write while writing|File too large|OutOfDiskSpace")
"""What servers say who find no space; *too large* where a limit on the size of files stands for a full disk."""


class Complaints:
    """What a server writes to its log from now on."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._from = log.stat().st_size

    def of_space(self) -> bool:
        """Say whether it has found no space."""
        with self._log.open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(self._from if self._from <= length else 0)  # a log is begun anew when it is long
            return NO_SPACE.search(file.read()) is not None


def stop(pid: int) -> list[psutil.Process]:
    """Stop a process and all that it has started, Spark's workers in groups of their own, too; give those stopped."""
    stopped = list(family(pid))
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    return stopped


@dataclass
class Faults:
    """Faults of one stack; `done` counts those that took effect, `poisoned` are the places in the log without an event.

    `begun`: when which fault began, on the monotonic clock.
    """

    data_dir: Path
    proxies: Proxies
    disks: Disks
    mongodb: str
    done: Counter[str] = field(default_factory=Counter)
    poisoned: set[str] = field(default_factory=set)
    begun: list[tuple[float, str]] = field(default_factory=list)

    def count(self, fault: str, times: int = 1, began: float | None = None) -> None:
        """Note that a fault took effect; it began now, or when `began` says on the monotonic clock."""
        self.done[fault] += times
        self.begun.append((time.monotonic() if began is None else began, fault))

    def kill(self, name: str) -> None:
        """Kill a server or layer with -9, if it is not down already."""
        pid = self._pid(name)
        if pid is not None:
            self.count(f"kill {name}")  # before somebody meets it
            os.kill(pid, signal.SIGKILL)

    def pause(self, name: str, seconds: float, crew: Crew) -> None:
        """Stop a server or layer with all its processes for a while, as a suspended machine would; then wake it up."""
        pid = self._pid(name)
        if pid is None:
            return
        stopped = stop(pid)
        try:
            if stopped:
                self.count(f"pause {name}")
                crew.pause(seconds)
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def lose_checkpoint(self, layer: str) -> None:
        """Kill a layer with all its processes, and remove what it would continue from."""
        pid = self._pid(layer)
        checkpoint = DataFolder(self.data_dir).checkpoints / layer
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            if any(path.is_file() for path in checkpoint.rglob("*")):
                self.count(f"lose checkpoint of {layer}")
            shutil.rmtree(checkpoint, ignore_errors=True)

    def flush_redis(self) -> None:
        """Let Redis forget everything, if it is not down."""
        with suppress(redis.RedisError), redis.Redis.from_url(self._status().addresses["redis"]) as client:
            client.flushall()
            self.count("flush redis")

    def misbehave(self, server: str, conduct: Conduct, seconds: float, crew: Crew) -> None:
        """Let the line to a server misbehave for a while, and longer where nobody has met it by then."""
        began = time.monotonic()
        self.proxies.behave(server, conduct)
        try:
            met = _is_met(lambda: self.proxies.met(server) > 0, seconds, crew)
        finally:
            self.proxies.behave(server, Conduct.GOOD)
        if met:
            self.count(f"line {server} {conduct.name.lower()}", began=began)

    def fill_disk(self, server: str, seconds: float, crew: Crew) -> None:
        """Leave a server no space for a while, and longer where it has not complained by then, if it is not down."""
        pid = self._pid(server)
        if pid is None:
            return
        complaints, began = Complaints(DataFolder(self.data_dir).log(server).path), time.monotonic()
        try:
            with suppress(ProcessLookupError):
                self.disks.fill(server, pid)
            met = _is_met(lambda: complaints.of_space() or not psutil.pid_exists(pid), seconds, crew)
        finally:
            self.disks.free(server, pid)
        if met:
            self.count(f"full {server}", began=began)

    def take_redis_back(self, seconds: float, crew: Crew) -> None:
        """Have Redis start again from what its append-only file was so long ago."""
        file = self.data_dir / "services" / "redis" / AOF
        older = file.with_name("older.aof")
        shutil.copyfile(file, older)
        crew.pause(seconds)
        pid = self._pid("redis")
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            older.replace(file)  # before the supervisor has it started again
            self.count("older redis")

    def step_down(self) -> None:
        """Have MongoDB's primary step down, if there is one; of one member, the same one is elected again."""
        began = time.monotonic()
        with suppress(PyMongoError), MongoClient[dict[str, object]](self.mongodb) as client:
            client.admin.command("replSetStepDown", STEP_DOWN_SECONDS, force=True)
            self.count("step down mongodb", began=began)

    def poison(self, user_id: str) -> None:
        """Put records that are no events between those of a user."""
        self.count("poisoned records", 0)
        with suppress(KafkaError), self._producer() as producer:
            for record in poison(user_id):
                sent = producer.send(TOPIC, record.value, key=record.key).get(SEND_SECONDS)
                self.poisoned.add(f"{sent.topic}/{sent.partition}/{sent.offset}")
                self.done["poisoned records"] += 1

    def repeat(self, events: list[Event]) -> bool:
        """Publish events again, in this order, as a relay does that was killed before it marked them; were it all?"""
        self.count("repeated events", 0)
        with suppress(KafkaError), self._producer() as producer:
            for event in events:
                producer.send(TOPIC, encode(event), key=event.user_id.encode()).get(SEND_SECONDS)
                self.done["repeated events"] += 1
            return True
        return False

    def _producer(self) -> closing[KafkaProducer]:
        return closing(KafkaProducer(bootstrap_servers=self._status().addresses["kafka"]))

    def has_just_hit(self, name: str, seconds: float) -> bool:
        """Say whether a server or layer was killed within so many seconds."""
        return any(fault == f"kill {name}" for at, fault in list(self.begun) if at > time.monotonic() - seconds)

    def _pid(self, name: str) -> int | None:
        return self._status().services()[name].pid

    def _status(self) -> StackStatus:
        return current_status(DataFolder(self.data_dir))


def _is_met(is_met: Callable[[], bool], seconds: float, crew: Crew) -> bool:
    """Let a fault last so long, and longer until somebody meets it, or nobody has in MET_SECONDS; say whether."""
    until = time.monotonic() + MET_SECONDS
    crew.pause(seconds)
    while not (met := is_met()) and time.monotonic() < until:
        crew.pause(LOOK_SECONDS)
    return met
