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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

import httpx

from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.domain.watchlist import Film
from tests.end_to_end.running_stack import RunningStack
from tests.oracle.client import Acknowledged, Crew, EventLogs, Reader, Writer
from tests.oracle.faults import Faults
from tests.oracle.history import kept_on_failure

LAYERS: Final = ("speed_layer", "data_lake", "relay", "api", "micro_batch", "scheduler")
SERVERS: Final = ("redis", "mongodb", "kafka", "minio")
NIGHTS: Final = ("batch run", "batch run --full", "batch rollback", "batch run", "batch run killed")
"""One of them runs through each schedule. The order matters: a rollback needs two generations."""
NEW_USERS: Final = 3
OLD_USERS: Final = ("veteran-0", "veteran-1")
READERS: Final = 2
EXTRAS: Final = 2
REPEATED_EVENTS: Final = 30
FIRST_SECONDS: Final = 1.0
WRITE_SECONDS: Final = 0.04
READ_SECONDS: Final = 0.02
AT_WORK: Final = "another batch run is at work"
"""So says a command until the lease of a run that was killed is over."""
REASONS: Final = (AT_WORK, "does not answer", "is unavailable", "there is no earlier generation", "taken over")
"""Why a command may refuse: what it needs is away, or somebody else has it."""


@dataclass
class StackSchedule:
    """One schedule with new users, and some who are in all; `tally` counts what was done, written and read."""

    seed: int
    stack: RunningStack
    client: httpx.Client
    outbox: Outbox
    films: dict[str, Film]
    acknowledged: Acknowledged
    faults: Faults
    tally: Counter[str]

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.users = [f"s{self.seed}-{number}" for number in range(NEW_USERS)] + list(OLD_USERS)

    def run(self) -> None:
        """Change, read and disturb until the plan is done. Raises WrongAnswer and the like, with the seed noted."""
        try:
            with kept_on_failure(f"schedule-{self.seed}") as self.history:
                self._run()
        except BaseException as error:
            error.add_note(f"seed: {self.seed}")
            raise

    def _run(self) -> None:
        self.kills: list[str] = []
        random = Random(f"writer {self.seed}")
        writer = Writer(self.client, self.acknowledged, self.users, sorted(self.films), random)
        logs = [EventLogs(self.outbox) for _ in range(READERS)]
        readers = [Reader(self.client, each, self.acknowledged, self.films) for each in logs]
        self.crew = Crew(self._writes(writer), *map(self._reads, readers))
        try:
            self._disturb()
        finally:
            self.crew.end()
            for counts in (writer.tally, *(reader.tally for reader in readers)):
                self.tally.update(counts)
            self._count_silence(max(reader.silence_seconds for reader in readers))

    def _disturb(self) -> None:
        """The night runs while the rest of the plan happens around it."""
        self.crew.pause(FIRST_SECONDS)
        with self._night(NIGHTS[self.seed % len(NIGHTS)]):
            for action in self._plan():
                self.crew.pause(self.random.uniform(0.2, 2))
                self.history.note("action", action=action)
                self._act(action)
        self.crew.pause(FIRST_SECONDS)

    def _plan(self) -> list[str]:
        """Each layer is killed in one of six schedules, each server in one of eight."""
        plan = ["lake compact", "speed rebuild", f"kill {LAYERS[self.seed % len(LAYERS)]}"]
        if self.seed % 2:
            plan.append(f"kill {SERVERS[self.seed // 2 % len(SERVERS)]}")
        user, part = self.random.choice(self.users), self.random.choice((*LAYERS, *SERVERS))
        extras = ("flush redis", f"speed rebuild --user {user}", f"poison {user}", f"repeat {user}", f"pause {part}")
        lost = f"lose checkpoint of {self.random.choice(('speed_layer', 'micro_batch'))}"
        plan += self.random.sample((*extras, lost), EXTRAS)
        self.random.shuffle(plan)
        return plan

    def _act(self, action: str) -> None:
        match action.split():
            case ["kill", part]:
                self.faults.kill(part)
                self.kills.append(part)
            case ["pause", part]:
                self.faults.pause(part, self.crew)
            case ["lose", "checkpoint", "of", layer]:
                self.faults.lose_checkpoint(layer)
            case ["flush", "redis"]:
                self.faults.flush_redis()
            case ["poison", user]:
                self.faults.poison(user)
            case ["repeat", user]:
                log = EventLogs(self.outbox).of(user)
                start = self.random.randrange(max(1, len(log) - REPEATED_EVENTS))
                self.faults.repeat(log[start : start + REPEATED_EVENTS])
            case arguments:
                self._finish(action, self.stack.begun(*arguments))

    @contextmanager
    def _night(self, night: str) -> Iterator[None]:
        """Run a command of the batch layer beside the block; kill it behind the block, if it is to be."""
        command = night.removesuffix(" killed").split()
        process = self.stack.begun(*command)
        try:
            yield
            if night.endswith("killed"):
                self.crew.pause(self.random.uniform(0, 4))
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    self.faults.done["kill batch run"] += 1
            while AT_WORK in self._finish(night, process):
                self.crew.pause(FIRST_SECONDS)
                process = self.stack.begun(*command)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def _finish(self, name: str, process: subprocess.Popen[str]) -> str:
        """Await a command: done, killed by us, or refused for one of the known reasons; give what it complained of."""
        output, errors = process.communicate(timeout=400)
        verb = " ".join(name.split()[:3])
        self.history.note("command", name=name, code=process.returncode, output=output, errors=errors[-2000:])
        if process.returncode == 0:
            self.tally[f"{verb} done"] += 1
        elif process.returncode > 0:
            if not any(reason in errors for reason in REASONS):
                raise AssertionError(f"cinematch {name}: {output}\n{errors}")
            self.tally[f"{verb} refused"] += 1
        return errors

    def _count_silence(self, seconds: float) -> None:
        """Keep the longest time without an answer, under whatever was killed meanwhile."""
        name = f"longest time without an answer, ms, killed: {', '.join(sorted(self.kills))}"
        self.tally[name] = max(self.tally[name], round(seconds * 1000))

    def _writes(self, writer: Writer) -> Callable[[], None]:
        def write() -> None:
            writer.change(self.history)
            time.sleep(WRITE_SECONDS)

        return write

    def _reads(self, reader: Reader) -> Callable[[], None]:
        random = Random(f"reader {self.seed}")

        def read() -> None:
            reader.read(random.choice(self.users), self.history)
            time.sleep(READ_SECONDS)

        return read
