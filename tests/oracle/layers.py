"""What the layers do between ingestion and the stores, in one process: the batch layer's own publication, handoff and
retention, the speed view's own rules; Kafka and the lake are lists here, with offsets that go back after a crash.

Each operation takes `pause`, which it calls before every call to a store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from batch_layer.publication import Stores, publish, rollback_target
from batch_layer.retention import retire, sweep
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.generations import GenerationState, list_chunks
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from cinematch.errors import CineMatchError
from tests.oracle.stepping import Paused
from tests.oracle.world import World

Pause = Callable[[], None]
GENERATIONS_KEPT = 3


@dataclass
class Layers:
    """The processes beside the API, with what they remember across a crash: offsets, and nothing else."""

    world: World
    films: dict[str, Film]
    random: Random
    outbox: list[Event] = field(default_factory=list)
    relayed: int = 0
    topic: list[Event] = field(default_factory=list)
    speed_offset: int = 0
    lake_offset: int = 0
    gaps: set[str] = field(default_factory=set)

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
        self.lake_offset = min(self.lake_offset + events, len(self.topic))

    def speed(self, pause: Pause) -> None:
        """One micro-batch of the speed layer: apply, note gaps, and only then commit the offset."""
        start = max(0, self.speed_offset - self.random.choice((0, 0, 0, 3, 12)))
        end = min(self.speed_offset + self.random.randint(1, 12), len(self.topic))
        groups: dict[str, list[Event]] = defaultdict(list)
        for event in self.topic[start:end]:
            groups[event.user_id].append(event)
        view = Paused(self.world.stores.speed_view, pause)
        for user_id, applied in view.apply(dict(groups)).items():
            if applied.gap_at is not None or applied.started_after:
                self.gaps.add(user_id)
        self.speed_offset = end

    def repair(self, pause: Pause) -> None:
        """Repair whom the speed layer found with a gap, and whom a reader asked for."""
        for user_id in sorted(self.gaps | self.world.repair_requests()):
            self.world.forget_repair_request(user_id)
            self.repair_user(user_id, pause)
            self.gaps.discard(user_id)

    def repair_user(self, user_id: str, pause: Pause) -> None:
        """Put the events after the published boundary in place of whatever Redis has of the user."""
        stores = self._paused(pause)
        published = stores.generations.published()
        known = stores.generations.boundaries(published.number, [user_id]) if published else {}
        boundary = known.get(user_id, 0)
        events = stores.history.events_after(user_id, boundary)
        stores.speed_view.replace(user_id, boundary, events)

    def batch(self, pause: Pause) -> None:
        """One batch run, except the computation itself, which is the domain's own function here."""
        stores = self._paused(pause)
        sweep(stores)
        number = stores.generations.create("schedule", datetime.now(UTC), None, None).number
        for user_id, events in sorted(self._lake_by_user().items()):
            watchlist = replay(events)
            summary = summarise(watchlist, self.films)
            document = batch_document(user_id, summary, number, datetime.now(UTC))
            stores.generations.write(number, [document], list_chunks(user_id, watchlist))
        stores.generations.update(number, state=GenerationState.READY, finished_at=datetime.now(UTC))
        publish(stores, number, pause)
        retire(stores, GENERATIONS_KEPT, 0, datetime.now(UTC))

    def rollback(self, pause: Pause) -> None:
        """Go back to the generation before."""
        stores = self._paused(pause)
        try:
            publish(stores, rollback_target(stores.generations, None).number, pause)
        except CineMatchError:
            return

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

    def _lake_by_user(self) -> dict[str, list[Event]]:
        by_user: dict[str, list[Event]] = defaultdict(list)
        for event in self.topic[: self.lake_offset]:
            by_user[event.user_id].append(event)
        return by_user

    def _paused(self, pause: Pause) -> Stores:
        stores = self.world.stores
        return replace(
            stores,
            generations=Paused(stores.generations, pause),
            speed_view=Paused(stores.speed_view, pause),
            history=Paused(stores.history, pause),
        )
