"""The batch layer over twins in memory, with an ingestion that issues events, and a way to kill it at any call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

from batch_layer.batch_run import run_batch
from batch_layer.publication import Stores, publish, rollback_target
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.generations import Generation
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film, Watchlist, replay
from cinematch.settings import Settings
from tests.batches import canonical, expected
from tests.twins.memory_batch import MemoryBatchJob, MemoryLake, MemoryOutbox, MemoryStates
from tests.twins.memory_floors import MemoryFloors
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_lease import Holding, MemoryLease
from tests.twins.memory_speed_view import MemorySpeedView


class Killed(BaseException):
    """The process is no more: nothing that it still tries has any effect."""


class Mortal:
    """A store whose calls all fail from the `calls_left`-th one on (shared by all stores of one process)."""

    def __init__(self, store: object, calls_left: list[int]) -> None:
        self._store = store
        self._calls_left = calls_left

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._calls_left[0] -= 1
            if self._calls_left[0] < 0:
                raise Killed
            return attribute(*args, **kwargs)

        return call


@dataclass
class BatchWorld:
    """Twins of every store. Events are issued (lists, outbox), published (lake), and applied (speed view)."""

    films: dict[str, Film] = field(default_factory=dict)
    settings: Settings = field(default_factory=lambda: Settings(batch_grace_seconds=0))
    generations: MemoryGenerations = field(default_factory=MemoryGenerations)
    states: MemoryStates = field(default_factory=MemoryStates)
    speed_view: MemorySpeedView = field(default_factory=MemorySpeedView)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    lake: MemoryLake = field(default_factory=MemoryLake)
    holding: Holding = field(default_factory=Holding)
    issued: list[Event] = field(default_factory=list)

    def happen(self, events: Sequence[Event]) -> None:
        """Let events reach every store."""
        self.issued += events
        self.outbox.events += events
        self.lake.events += events
        for event in events:
            self.speed_view.apply({event.user_id: [event]})

    def lose(self, *events: Event) -> None:
        """Let neither the lake nor the outbox have these events; the lists keep what they did."""
        for event in events:
            self.lake.events.remove(event)
            self.outbox.events.remove(event)

    def lists(self) -> dict[str, Watchlist]:
        """Give the lists as MongoDB has them."""
        users = {event.user_id for event in self.issued}
        return {user: replay(event for event in self.issued if event.user_id == user) for user in sorted(users)}

    def relay(self) -> None:
        """Let the relay publish again what the outbox was asked for."""
        self.lake.events += self.outbox.again
        self.outbox.again = []

    @property
    def stores(self) -> Stores:
        """Give the stores as a process uses them."""
        history = JoinedHistory(self.outbox, self.lake)
        return Stores(self.generations, self.states, self.speed_view, history, MemoryFloors(), self.outbox)

    def mortal_stores(self, calls: int) -> Stores:
        """Give the stores of a process that is killed at that many calls."""
        left, whole = [calls], self.stores
        names = ("generations", "states", "speed_view", "history", "outbox")
        return replace(whole, **{name: Mortal(getattr(whole, name), left) for name in names})

    def job(
        self,
        lists: Mapping[str, Watchlist] | None = None,
        floors: Mapping[str, int] | None = None,
        stores: Stores | None = None,
    ) -> MemoryBatchJob:
        """Give the computation of a run: on the lists as they are, and nobody erased, unless others are given."""
        generations = (stores or self.stores).generations
        lists = self.lists() if lists is None else lists
        return MemoryBatchJob(generations, self.states, self.lake, self.films, floors or {}, lists)

    def run(
        self,
        stores: Stores | None = None,
        *,
        full: bool = False,
        from_lists: bool = False,
        as_of: datetime | None = None,
        settings: Settings | None = None,
        build: Callable[[Any], Any] | None = None,
    ) -> Generation:
        """Run a batch, as a process of its own."""
        stores = stores or self.stores
        job = build or self.job(stores=stores)
        lease = MemoryLease(f"host/{id(stores)}/x", self.holding)
        settings = settings or self.settings
        return run_batch(stores, lease, settings, job, full=full, from_lists=from_lists, as_of=as_of)

    def rollback(self, number: int | None = None, stores: Stores | None = None) -> Generation:
        """Roll back, as a process of its own."""
        stores = stores or self.stores
        target = rollback_target(stores.generations, number)
        publish(stores, target.number, lambda: None)
        return target

    def published(self) -> dict[str, bytes]:
        """Give the batch view by user, as comparable bytes."""
        users = {event.user_id for event in self.issued}
        documents = {user: self.generations.document(user) for user in sorted(users)}
        return {user: canonical(document) for user, document in documents.items() if document}

    def expected(self, events: Sequence[Event]) -> dict[str, bytes]:
        """Give the batch view that these events must have given."""
        users = {event.user_id for event in events}
        return expected({user: [each for each in events if each.user_id == user] for user in users}, self.films)

    def check_readers_exact(self) -> None:
        """Nothing that was applied is missing between the published boundary and the end of any user's speed view."""
        published = self.generations.published()
        for user in {event.user_id for event in self.issued}:
            boundary = self.generations.boundaries(published.number, [user]).get(user, 0) if published else 0
            snapshot = self.speed_view.read(user)
            last = max(event.sequence for event in self.issued if event.user_id == user)
            if snapshot is None:
                assert boundary == last
                continue
            assert snapshot.base_sequence <= boundary
            assert max(boundary, snapshot.last_sequence) == last
            tail = [event.sequence for event in snapshot.after(boundary)]
            assert tail == list(range(boundary + 1, last + 1))


def killed_at_each_call(
    arranged: Callable[[], BatchWorld], work: Callable[[BatchWorld, Stores], object]
) -> Iterator[tuple[BatchWorld, bool]]:
    """Do the work in one new world after another, killed at the first call of a store, the second one, and so on.

    Gives each world as the kill has left it, with True, and last the one in which the work was done, with False.
    """
    for calls in count():
        world = arranged()
        try:
            work(world, world.mortal_stores(calls))
        except Killed:
            yield world, True
        else:
            yield world, False
            return
