"""What tests of the lake share: a topic to publish to, sinks as processes, and what the lake holds in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaProducer

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.event_codec import encode
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, EVENTS_FOLDER
from cinematch.contracts.lake_schema import DEAD_LETTERS_SCHEMA, EVENTS_SCHEMA, from_table, letters_from_table
from cinematch.domain.events import Event
from cinematch.settings import Settings
from data_lake.inspection import FolderReport, inspect
from tests.environments import environment_of
from tests.histories import add
from tests.poison import BadRecord, poison

PATIENCE_SECONDS = 90.0  # a loaded machine is slow, not wrong


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for `condition`, asked ten times a second."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def events_of(users: Iterable[str], first: int, last: int) -> list[Event]:
    """Give each user's events of sequences first to last."""
    return [add(number, f"m{number}", 7.5, user_id=user) for user in users for number in range(first, last + 1)]


@dataclass(frozen=True)
class Stage:
    """The topic to publish to and the lake to look into, both this test's own."""

    settings: Settings

    def publish(
        self, events: Iterable[Event], poison: Iterable[bytes] = (), headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Publish events, keyed by user, with these headers, and poisoned records between them."""
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        for value in poison:
            producer.send(self.settings.events_topic, value, key=b"poison")
        for event in events:
            key = event.user_id.encode()
            producer.send(self.settings.events_topic, encode(event), key=key, headers=list(headers))
        producer.close()

    def poison(self, user_id: str) -> list[BadRecord]:
        """Publish the bad records that look as if they were of this user; give them."""
        records = poison(user_id)
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        for record in records:
            producer.send(self.settings.events_topic, record.value, key=record.key)
        producer.close()
        return records

    def folder(self, name: str = EVENTS_FOLDER) -> LakeFolder:
        """Give a folder of the lake."""
        return LakeFolder(s3_objects.connect(self.settings), name)

    def report(self, name: str = EVENTS_FOLDER) -> FolderReport:
        """Verify a folder in depth."""
        return inspect(self.folder(name), s3_lake_files.connect(self.settings), deep=True)

    def offsets(self, name: str = EVENTS_FOLDER) -> int:
        """Count the offsets that the lake accounts for, by names and metadata only."""
        return sum(link.next_offset for link in self.folder(name).last_links().values())

    def events(self) -> list[Event]:
        """Read all events of the lake, repeats included, by user and sequence."""
        rows = s3_lake_files.connect(self.settings).rows(self.folder().view().keys(), EVENTS_SCHEMA)
        return sorted(from_table(rows), key=lambda event: (event.user_id, event.sequence))

    def letters(self) -> list[DeadLetter]:
        """Read all letters of the lake, repeats included."""
        keys = self.folder(DEAD_LETTERS_FOLDER).view().keys()
        return letters_from_table(s3_lake_files.connect(self.settings).rows(keys, DEAD_LETTERS_SCHEMA))

    def wait_for(self, offsets: int, name: str = EVENTS_FOLDER) -> None:
        """Wait until the lake accounts for that many offsets."""
        wait_until(lambda: self.offsets(name) >= offsets, f"{offsets} offsets in {name}")


class SinkProcess:
    """`python -m data_lake`, or a script in its place."""

    def __init__(self, settings: Settings, folder: Path, *arguments: str, **changes: object) -> None:
        self._ready = folder / f"ready-{time.monotonic_ns()}"
        self.log = folder / f"sink-{time.monotonic_ns()}.log"
        environment = environment_of(settings, **{"lake_flush_seconds": 0.3, **changes})
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, *(arguments or ("-m", "data_lake"))],
                env=environment | {"CINEMATCH_READY_FILE": str(self._ready)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """Wait until it says that it is ready."""
        wait_until(lambda: self._ready.exists() or self.process.poll() is not None, "a ready sink")
        assert self.process.poll() is None, self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def stop(self) -> int:
        """End it in good order; gives the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


StartSink = Callable[..., SinkProcess]
