"""A seeded schedule on a running stack: its own processes, killed, while batches, rollbacks, compactions, rebuilds run.

The seed gives the changes, the plan and its pauses; when exactly a process is hit, the machine decides. So a failed
schedule is not repeated step by step by its seed: its history is kept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import httpx
import redis

from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.domain.watchlist import Film
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import current_status
from tests.end_to_end.running_stack import RunningStack
from tests.oracle.client import Crew, EventLogs, Reader, Writer, check_lists
from tests.oracle.history import kept_on_failure

LAYERS: Final = ("speed_layer", "data_lake", "relay", "api", "micro_batch", "scheduler")
SERVERS: Final = ("redis", "mongodb", "kafka", "minio")
NIGHTS: Final = ("batch run", "batch run killed", "batch rollback", "batch run", "batch run --full")
"""One of them runs through each schedule. The order matters: a rollback needs two generations."""
USERS: Final = 4
READERS: Final = 2
FIRST_SECONDS: Final = 1.0
WRITE_SECONDS: Final = 0.04
READ_SECONDS: Final = 0.02
REASONS: Final = ("another batch run is at work", "is unavailable", "there is no earlier generation", "taken over")
"""Why a command may refuse: what it needs is away, or was not given back by a run that was killed."""


@dataclass
class StackSchedule:
    """One schedule with users of its own; `tally` counts what was done, written and read."""

    seed: int
    stack: RunningStack
    client: httpx.Client
    outbox: Outbox
    films: dict[str, Film]
    tally: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.users = [f"s{self.seed}-{number}" for number in range(USERS)]
        self.writer = Writer(self.client, self.users, sorted(self.films), Random(f"writer {self.seed}"))
        self.readers = [self.reader() for _ in range(READERS)]

    def run(self) -> None:
        """Change, read and disturb until the plan is done. Raises WrongAnswer and the like, with the seed noted."""
        try:
            with kept_on_failure(f"schedule-{self.seed}") as self.history:
                self._run()
        except BaseException as error:
            error.add_note(f"seed: {self.seed}")
            raise

    def reader(self) -> Reader:
        """Give one more reader, for one thread."""
        return Reader(self.client, EventLogs(self.outbox), self.writer.acknowledged, self.films)

    def check_settled(self, deadline: float) -> None:
        """Everything acknowledged is in the log, in the lists and in every answer. Raises WrongAnswer."""
        check_lists(self.client, self.writer.acknowledged, EventLogs(self.outbox))
        reader = self.reader()
        for user_id in self.writer.acknowledged.lists:
            reader.read_complete(user_id, deadline)

    def _run(self) -> None:
        reads = (self._reads(reader, Random(f"reader {self.seed}")) for reader in self.readers)
        self.crew = Crew(self._write, *reads)
        try:
            self._disturb()
        finally:
            self.crew.end()
            for counts in (self.writer.tally, *(reader.tally for reader in self.readers)):
                self.tally.update(counts)

    def _disturb(self) -> None:
        """The night runs while the rest of the plan happens around it."""
        self.crew.pause(FIRST_SECONDS)
        night = NIGHTS[self.seed % len(NIGHTS)]
        process = self._begin_night(night)
        for action in self._plan():
            self.crew.pause(self.random.uniform(0.2, 2))
            self.history.note("action", action=action)
            self._act(action)
        self._end_night(night, process)
        self.crew.pause(FIRST_SECONDS)

    def _plan(self) -> list[str]:
        """Each layer is killed in one of six schedules, each server in one of eight."""
        plan = ["lake compact", "speed rebuild", f"kill {LAYERS[self.seed % len(LAYERS)]}"]
        if self.seed % 2:
            plan.append(f"kill {SERVERS[self.seed // 2 % len(SERVERS)]}")
        plan.append(self.random.choice(("flush redis", f"speed rebuild --user {self.random.choice(self.users)}")))
        self.random.shuffle(plan)
        return plan

    def _act(self, action: str) -> None:
        if action.startswith("kill "):
            self._kill(action.removeprefix("kill "))
        elif action == "flush redis":
            self._flush_redis()
        else:
            self._finish(action, self.stack.begun(*action.split()))

    def _kill(self, name: str) -> None:
        """Kill the process with -9, if it is not down already."""
        pid = current_status(DataFolder(self.stack.data_dir)).services()[name].pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.tally[f"kill {name}"] += 1

    def _flush_redis(self) -> None:
        """Let Redis forget everything, if it is not down."""
        url = current_status(DataFolder(self.stack.data_dir)).addresses["redis"]
        with suppress(redis.RedisError), redis.Redis.from_url(url) as client:
            client.flushall()
            self.tally["flush redis"] += 1

    def _begin_night(self, night: str) -> subprocess.Popen[str]:
        self.history.note("night begins", night=night)
        return self.stack.begun(*night.removesuffix(" killed").split())

    def _end_night(self, night: str, process: subprocess.Popen[str]) -> None:
        if night.endswith("killed"):
            self.crew.pause(self.random.uniform(0, 4))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                self.tally["kill batch run"] += 1
        self._finish(night, process)

    def _finish(self, name: str, process: subprocess.Popen[str]) -> None:
        """Await a command: done, killed by us, or refused for one of the known reasons."""
        output, errors = process.communicate(timeout=400)
        verb = " ".join(name.split()[:3])
        self.history.note("command", name=name, code=process.returncode, output=output, errors=errors[-2000:])
        if process.returncode == 0:
            self.tally[f"{verb} done"] += 1
        elif process.returncode > 0:
            if not any(reason in errors for reason in REASONS):
                raise AssertionError(f"cinematch {name}: {output}\n{errors}")
            self.tally[f"{verb} refused"] += 1

    def _write(self) -> None:
        self.writer.change(self.history)
        time.sleep(WRITE_SECONDS)

    def _reads(self, reader: Reader, random: Random) -> Callable[[], None]:
        def read() -> None:
            reader.read(random.choice(self.users), self.history)
            time.sleep(READ_SECONDS)

        return read
