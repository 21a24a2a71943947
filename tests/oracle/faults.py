"""What is done to a running stack: processes killed and paused, Redis emptied, the event log spoiled and repeated."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import redis

from cinematch.adapters.kafka_log import RecordPublisher
from cinematch.contracts.event_codec import encode
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import StackStatus, current_status
from tests.oracle.client import Crew

TOPIC: Final = "user-movie-events"
POISON: Final = (b"", b"\xff{", b"null", b"[1, 2]", b'{"schema_version": 99}', b"{" * 2_000)
PAUSE_SECONDS: Final = (1.0, 8.0)
"""Longer than the relay's lease at times, so that a zombie wakes up."""


@dataclass
class Faults:
    """Faults of one stack; `done` counts them, `poisoned` are the places in the log that hold no event."""

    data_dir: Path
    random: Random
    done: Counter[str] = field(default_factory=Counter)
    poisoned: set[str] = field(default_factory=set)

    def kill(self, name: str) -> None:
        """Kill a server or layer with -9, if it is not down already."""
        pid = self._pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.done[f"kill {name}"] += 1

    def pause(self, name: str, crew: Crew) -> None:
        """Stop a server or layer with all its processes for a while, as a suspended machine would; then wake it up."""
        pid = self._pid(name)
        if pid is None:
            return
        try:
            os.killpg(pid, signal.SIGSTOP)
            self.done[f"pause {name}"] += 1
            crew.pause(self.random.uniform(*PAUSE_SECONDS))
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
            self.done[f"lose checkpoint of {layer}"] += 1

    def flush_redis(self) -> None:
        """Let Redis forget everything, if it is not down."""
        with suppress(redis.RedisError), redis.Redis.from_url(self._status().addresses["redis"]) as client:
            client.flushall()
            self.done["flush redis"] += 1

    def poison(self, user_id: str) -> None:
        """Put records that are no events between those of a user."""
        with suppress(StoreUnavailable), closing(self._log()) as log:
            for value in POISON:
                self.poisoned.add(log.publish(TOPIC, user_id.encode(), value))
                self.done["poisoned records"] += 1

    def repeat(self, events: list[Event]) -> None:
        """Publish events again, in their order, as a relay does that was killed before it marked them."""
        with suppress(StoreUnavailable), closing(self._log()) as log:
            for event in events:
                log.publish(TOPIC, event.user_id.encode(), encode(event))
                self.done["repeated events"] += 1

    def _log(self) -> RecordPublisher:
        return RecordPublisher(self._status().addresses["kafka"])

    def _pid(self, name: str) -> int | None:
        return self._status().services()[name].pid

    def _status(self) -> StackStatus:
        return current_status(DataFolder(self.data_dir))
