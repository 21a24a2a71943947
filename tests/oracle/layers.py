"""The processes between ingestion and the API, in one: their own code, with Kafka and the lake as lists.

Each operation takes `pause`, which is called before every call to a store, and may end there: the process is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from threading import Event as Signal
from typing import Any

from batch_layer.batch_run import run_batch
from batch_layer.publication import Stores, publish, rollback_target
from cinematch.contracts.event_codec import encode
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from cinematch.settings import Settings
from speed_layer.applier import Applier, Arrival
from speed_layer.guardian import Guardian
from speed_layer.repairs import Repairs
from tests.oracle.stepping import Paused
from tests.oracle.world import World
from tests.twins.memory_batch import MemoryBatchJob, MemoryLake, MemoryOutbox, MemoryStates
from tests.twins.memory_lease import MemoryLease

Pause = Callable[[], None]
PARTITION = LogPartition("user-movie-events", 0)


class NoPatience(Signal):
    """Never set, and nobody waits for it."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


class NoDeadLetters:
    """Every record of a schedule is an event."""

    def publish(self, letters: Any) -> None:
        raise AssertionError(f"rejected: {list(letters)}")


@dataclass
class Layers:
    """The processes beside the API. What a process remembers across a crash is in the stores, or is an offset."""

    world: World
    films: dict[str, Film]
    random: Random
    outbox: list[Event] = field(default_factory=list)
    relayed: int = 0
    topic: list[Event] = field(default_factory=list)
    lake_offset: int = 0
    lake_rows: list[Event] = field(default_factory=list)
    tombstones: dict[str, int] = field(default_factory=dict)
    speed_offset: int = 0
    reported: set[str] = field(default_factory=set)
    states: MemoryStates = field(default_factory=MemoryStates)

    def issue(self, event: Event) -> None:
        """Ingestion: the event is durable and numbered."""
        self.world.issue(event)
        self.outbox.append(event)

    def relay(self, events: int) -> None:
        """Publish the next events; now and then the relay has crashed before it saved how far it was, and repeats."""
        start = max(0, self.relayed - self.random.choice((0, 0, 0, 1, 4)))
        end = min(self.relayed + events, len(self.outbox))
        self.topic += self.outbox[start:end]
        self.relayed = end

    def lake(self, events: int) -> None:
        """Store the next records of the topic."""
        stored = self.topic[self.lake_offset : self.lake_offset + events]
        self.lake_rows += stored
        self.lake_offset += len(stored)

    def compact(self) -> None:
        """What a compaction does to what the lake gives: the same rows, sorted by user."""
        self.lake_rows.sort(key=lambda event: (event.user_id, event.sequence))

    def speed(self, pause: Pause) -> None:
        """One micro-batch of the speed layer: apply, report who looks broken, and only then commit the offset."""
        start = max(0, self.speed_offset - self.random.choice((0, 0, 0, 3, 12)))
        end = min(self.speed_offset + self.random.randint(1, 12), len(self.topic))
        arrivals = [
            Arrival(LogRecord(PARTITION, offset, None, event.user_id.encode(), encode(event)))
            for offset, event in enumerate(self.topic[start:end], start)
        ]
        applier = Applier(_paused(self.world.stores.speed_view, pause), NoDeadLetters())
        self.reported.update(applier.apply(arrivals))
        self.speed_offset = end

    def guard(self, pause: Pause) -> None:
        """One round of the speed layer's guardian, with an audit."""
        boundaries = _paused(self.world.stores.boundaries, pause)
        guardian = Guardian(self.world.stores.heartbeat, self._repairs(pause), boundaries, audit_seconds=60)
        reported = set(self.reported)
        guardian.report_broken(reported)
        guardian.step(NoPatience())
        guardian.audit(NoPatience())
        self.reported -= reported

    def rebuild(self, pause: Pause) -> None:
        """Put back everybody's speed view, as `cinematch speed rebuild` does."""
        due = _paused(self.world.stores.boundaries, pause).due_pages()
        self._repairs(pause).rebuild(user for page in due for user in page)

    def _repairs(self, pause: Pause) -> Repairs:
        stores = self.world.stores
        return Repairs(*(_paused(store, pause) for store in (stores.speed_view, stores.boundaries, stores.history)))

    def crash_speed_layer(self) -> None:
        """Forget what only the process knew."""
        self.reported.clear()
        self.world.restart_heartbeat()

    def batch(self, pause: Pause) -> None:
        """One batch run, full now and then."""
        stores = self._batch_stores(pause)
        lake = MemoryLake(list(self.lake_rows))
        job = MemoryBatchJob(stores.generations, self.states, lake, self.films, self.tombstones)
        settings = Settings(batch_generations_kept=3, batch_grace_seconds=1e-9)
        run_batch(stores, MemoryLease("schedule"), settings, job, full=self.random.random() < 0.2)

    def rollback(self, pause: Pause) -> None:
        """Go back to the generation before, where there is one."""
        stores = self._batch_stores(pause)
        publish(stores, rollback_target(stores.generations, None).number, pause)

    def micro_batch(self, user_id: str, events: list[Event]) -> None:
        """Recompute one user from the whole list, as it is now."""
        summary = summarise(replay(events), self.films)
        self.world.write_user_stats(
            {
                "user_id": user_id,
                "stats": statistics(summary),
                "rating_tenths": summary.totals.rating_tenths,
                "sequence": summary.sequence,
                "last_updated": datetime.now(UTC).replace(microsecond=0),
            }
        )

    def _batch_stores(self, pause: Pause) -> Stores:
        stores = self.world.stores
        return Stores(
            generations=_paused(stores.generations, pause),
            states=_paused(self.states, pause),
            speed_view=_paused(stores.speed_view, pause),
            history=_paused(stores.history, pause),
            floors=_paused(stores.boundaries, pause),
            outbox=MemoryOutbox(),  # the log of a schedule loses nothing
        )


def _paused(store: object, pause: Pause) -> Any:
    return Paused(store, pause)
