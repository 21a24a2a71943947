"""What is done to a running stack, seen from outside.

Processes killed and paused, lines that misbehave, disks that are full, Redis emptied or taken back, MongoDB without a
primary, the event log spoiled and repeated.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
from tests.oracle.proxy import Conduct, Proxies
from tests.poison import poison

TOPIC: Final = "user-movie-events"
MET_SECONDS: Final = 30.0
"""How long a line misbehaves at most until somebody meets it."""
LOOK_SECONDS: Final = 0.2
STEP_DOWN_SECONDS: Final = 3
SEND_SECONDS: Final = 10
AOF: Final = "appendonly.aof"


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
            os.kill(pid, signal.SIGKILL)
            self.count(f"kill {name}")

    def pause(self, name: str, seconds: float, crew: Crew) -> None:
        """Stop a server or layer with all its processes for a while, as a suspended machine would; then wake it up."""
        pid = self._pid(name)
        if pid is None:
            return
        try:
            os.killpg(pid, signal.SIGSTOP)
            self.count(f"pause {name}")
            crew.pause(seconds)
        except ProcessLookupError:
            return
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)

    def lose_checkpoint(self, layer: str) -> None:
        """Kill a layer with all its processes, and remove what it would continue from."""
        pid = self._pid(layer)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            shutil.rmtree(self.data_dir / "checkpoints" / layer, ignore_errors=True)
            self.count(f"lose checkpoint of {layer}")

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
            crew.pause(seconds)
            while not (met := self.proxies.met(server)) and time.monotonic() < began + MET_SECONDS:
                crew.pause(LOOK_SECONDS)
        finally:
            self.proxies.behave(server, Conduct.GOOD)
        if met:
            self.count(f"line {server} {conduct.name.lower()}", began=began)

    def fill_disk(self, server: str, seconds: float, crew: Crew) -> None:
        """Leave a server no space for a while, if it is not down."""
        pid = self._pid(server)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            self.disks.fill(server, pid)
            self.count(f"full {server}")
        try:
            crew.pause(seconds)
        finally:
            self.disks.free(server, pid)

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

    def _pid(self, name: str) -> int | None:
        return self._status().services()[name].pid

    def _status(self) -> StackStatus:
        return current_status(DataFolder(self.data_dir))
