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
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from tests.end_to_end.running_stack import AT_WORK, COMPACTING, FAST, RunningStack
from tests.oracle.batch_view import BatchViewWatch
from tests.oracle.client import Acknowledged, Crew, EventLogs, Reader, Writer
from tests.oracle.copies import STARTING, Copies
from tests.oracle.faults import Faults
from tests.oracle.history import Histories
from tests.oracle.outages import Outages
from tests.oracle.plan import AHEAD, BEHIND, NIGHTS, plan
from tests.oracle.proxy import Conduct

NEW_USERS: Final = 3
OLD_USERS: Final = ("veteran-0", "veteran-1")
WRITERS: Final = 2
READERS: Final = 2
REPEATED_EVENTS: Final = 30
FIRST_SECONDS: Final = 1.0
WRITE_SECONDS: Final = 0.08
READ_SECONDS: Final = 0.02
RESTS: Final = 2.0
LONGEST_REST_SECONDS: Final = 0.2
"""How long a reader rests, in times of what its read and the check of it took: the stack needs the cores, too."""
LOOK_SECONDS: Final = 0.1
PAUSE_SECONDS: Final = (1.0, 8.0)
"""Longer than the relay's lease at times, so that a zombie wakes up."""
LINE_SECONDS: Final = (1.0, 6.0)
FULL_SECONDS: Final = (2.0, 5.0)
START_SECONDS: Final = 120.0
"""How long a killed API may take until it answers again, on a machine that starts other layers, too."""
REASONS: Final = (
    AT_WORK,
    "does not answer",
    "is unavailable",
    "there is no earlier generation",
    "taken over",
    COMPACTING,
)
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
    outages: Outages
    batch_view: BatchViewWatch
    histories: Histories

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.choice_of_events = Random(f"events {self.seed}")
        """Apart: how much it draws depends on how many events there are, and the pauses must not."""
        self.users = [f"s{self.seed}-{number}" for number in range(NEW_USERS)] + list(OLD_USERS)

    def run(self) -> None:
        """Change, read and disturb until the plan is done. Raises WrongAnswer and the like, with the seed noted."""
        self.history = self.histories.begin(f"schedule-{self.seed}")
        try:
            self._run()
        except BaseException as error:
            error.add_note(f"seed: {self.seed}")
            raise

    def _run(self) -> None:
        self.copies = Copies(self.stack.data_dir, FAST)
        self._asked = 0
        writers = [self._writer(number) for number in range(WRITERS)]
        logs = [EventLogs(self.outbox) for _ in range(READERS)]
        readers = [Reader(self._any_client, each, self.acknowledged, self.films, self._is_excused) for each in logs]
        self.crew = Crew(*map(self._writes, writers), *map(self._reads, readers), self._look_at_batch_view)
        try:
            self._disturb()
        finally:
            self.crew.end()
            self._end_copies()
            clients: list[Writer | Reader] = [*writers, *readers]
            for client in clients:
                self.tally.update(client.tally)
                self.outages.add(client.gaps, self.faults.begun)

    def _disturb(self) -> None:
        """The night runs while the rest of the plan happens around it."""
        self.crew.pause(FIRST_SECONDS)
        with self._night(NIGHTS[self.seed % len(NIGHTS)]):
            for action in plan(self.seed, self.random, self.users):
                self.crew.pause(self.random.uniform(0.2, 2))
                self.history.note("action", action=action)
                self._act(action)
        self._await_copies()
        self.crew.pause(FIRST_SECONDS)

    def _await_copies(self) -> None:
        """Let copies come to work beside the others, Spark's too, which take their time on a busy machine."""
        deadline = time.monotonic() + START_SECONDS
        while self.copies.start_still() and time.monotonic() < deadline:
            self.crew.pause(FIRST_SECONDS)

    def _act(self, action: str) -> None:
        match action.split():
            case ["kill", part]:
                self.faults.kill(part)
            case ["pause", part]:
                self.faults.pause(part, self._seconds(PAUSE_SECONDS), self.crew)
            case ["line", server, conduct]:
                self.faults.misbehave(server, Conduct[conduct.upper()], self._seconds(LINE_SECONDS), self.crew)
            case ["full", server]:
                self.faults.fill_disk(server, self._seconds(FULL_SECONDS), self.crew)
            case ["older", "redis"]:
                self.faults.take_redis_back(self._seconds(LINE_SECONDS), self.crew)
            case ["step", "down", "mongodb"]:
                self.faults.step_down()
            case ["copy", layer, clock_shift]:
                self.copies.start(layer, float(clock_shift))
            case ["lose", "checkpoint", "of", layer]:
                self.faults.lose_checkpoint(layer)
            case ["flush", "redis"]:
                self.faults.flush_redis()
            case ["poison", user]:
                self.faults.poison(user)
            case ["repeat", user]:
                self.faults.repeat(self._some_events(user))
            case ["shuffle"]:
                logs = [self._some_events(user) for user in self.users]
                if self.faults.repeat(shuffled(logs, self.choice_of_events)):
                    self.faults.count("shuffle")
            case arguments:
                self._finish(action, self.stack.begun(*arguments))

    def _seconds(self, bounds: tuple[float, float]) -> float:
        return self.random.uniform(*bounds)

    def _any_client(self) -> httpx.Client:
        """Ask the API, or by turns its copy: two that know nothing of each other, one perhaps with a wrong clock."""
        self._asked += 1
        copy = self.copies.api()
        return copy if copy is not None and self._asked % 2 else self.client

    def _is_excused(self, client: httpx.Client) -> bool:
        """Only a killed API may be silent, while it starts; nobody kills its copy before the end."""
        return client is self.client and self.faults.has_just_hit("api", START_SECONDS)

    def _some_events(self, user: str) -> list[Event]:
        log = EventLogs(self.outbox).of(user)
        start = self.choice_of_events.randrange(max(1, len(log) - REPEATED_EVENTS))
        return log[start : start + REPEATED_EVENTS]

    def _end_copies(self) -> None:
        """Count those that were at work beside the others, or had ended: two of them found that they were two."""
        for copy, fared in self.copies.end():
            self.history.note("copy ended", layer=copy.name, fared=fared)
            if fared == STARTING:
                continue
            clock = " with a wrong clock" if copy.clock_shift else ""
            self.faults.count(f"copy of {copy.name}{clock}", began=copy.began)
            self.tally[f"copies {fared}"] += 1
            if copy.clock_shift:
                self.tally[AHEAD if copy.clock_shift > 0 else BEHIND] += 1

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

    def _writer(self, number: int) -> Writer:
        """Give one of the clients who change lists, each those of users of their own: what they are told must hold."""
        users, random = self.users[number::WRITERS], Random(f"writer {number} {self.seed}")
        films = sorted(self.films)
        return Writer(self._any_client, self.acknowledged, users, films, random, self._is_excused)

    def _look_at_batch_view(self) -> None:
        self.batch_view.look()
        time.sleep(LOOK_SECONDS)

    def _writes(self, writer: Writer) -> Callable[[], None]:
        def write() -> None:
            writer.change(self.history)
            time.sleep(WRITE_SECONDS)

        return write

    def _reads(self, reader: Reader) -> Callable[[], None]:
        random = Random(f"reader {self.seed}")

        def read() -> None:
            began = time.monotonic()
            reader.read(random.choice(self.users), self.history)
            took = time.monotonic() - began
            time.sleep(max(READ_SECONDS, min(RESTS * took, LONGEST_REST_SECONDS)))

        return read


def shuffled(logs: list[list[Event]], random: Random) -> list[Event]:
    """Mix the events of users by chance; those of one user stay in order."""
    turns = [place for place, log in enumerate(logs) for _ in log]
    random.shuffle(turns)
    events = [iter(log) for log in logs]
    return [next(events[place]) for place in turns]
