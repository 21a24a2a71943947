"""The stores that a schedule works on: in-memory twins here, real servers in `server_world`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.generations import Generations
from cinematch.contracts.speed_view import SpeedSnapshot, SpeedView, WholeHistory
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.errors import StoreUnavailable
from serving_layer.stores import SpeedReader, StatsCache, StatsStore
from speed_layer.guardian import Heartbeat, RepairRequests
from speed_layer.repairs import Boundaries
from tests.twins.memory_batch import MemoryLake
from tests.twins.memory_boundaries import MemoryBoundaries
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_speed_view import MemorySpeedView
from tests.twins.memory_stats import MemoryStats, MemoryStatsCache

Document = dict[str, Any]


class BoundaryStore(Boundaries, RepairRequests, Protocol):
    """What the guardian asks MongoDB."""


@dataclass
class Stores:
    """The stores, each as its layer uses it."""

    generations: Generations
    speed_view: SpeedView
    history: WholeHistory
    boundaries: BoundaryStore
    heartbeat: Heartbeat
    stats: StatsStore
    speed: SpeedReader
    cache: StatsCache


class World(Protocol):
    """The stores, and what happens to them from outside of the layers under test."""

    stores: Stores
    is_redis_up: bool
    faults: dict[str, Callable[[], None]]
    """What else can go wrong here, by name."""

    async def close(self) -> None:
        """Leave nothing behind."""

    def switch_redis(self, up: bool) -> None:
        """Take Redis down, with what it holds, or up again."""

    def issue(self, event: Event) -> None:
        """Do what ingestion does in one transaction: counter and outbox."""

    def write_user_stats(self, document: Document) -> None:
        """Do what the micro-batch layer does."""

    def expire_cache(self) -> None:
        """Let what the cache holds, and its locks, run out."""

    def restart_heartbeat(self) -> None:
        """Do what a crash of the speed layer does to it: a new process does not know what was lost before it."""

    def save_speed_view(self) -> None:
        """Remember Redis as it is."""

    def rewind_speed_view(self) -> None:
        """Put Redis back to what was remembered: a start from an older append-only file."""

    def wipe_speed_view(self) -> None:
        """Empty Redis."""

    def damage_speed_view(self, user_id: str, random: Random) -> None:
        """Take one of a user's keys away, as an eviction would."""


@dataclass
class MemoryHistory:
    """The outbox: every event that was issued."""

    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        return self.events[user_id][sequence:]


@dataclass
class MemoryHeartbeat:
    """Tells once that Redis has lost something."""

    has_lost: bool = False

    def beat(self) -> bool:
        has_lost, self.has_lost = self.has_lost, False
        return not has_lost


@dataclass
class _MemorySpeedReader:
    view: SpeedView

    async def read(self, user_id: str) -> SpeedSnapshot | None:
        return self.view.read(user_id)


class _Plugged:
    """A store in Redis: gone while Redis is down."""

    def __init__(self, store: object, world: MemoryWorld) -> None:
        self._store = store
        self._world = world

    def __getattr__(self, name: str) -> Any:
        if not self._world.is_redis_up:
            raise StoreUnavailable("redis", "it is down")
        return getattr(self._store, name)


class MemoryWorld:
    """The twins; tests/contract proves each equal to the real store."""

    def __init__(self, films: dict[str, Film]) -> None:
        self._view = MemorySpeedView()
        self._memory = MemoryStats(generations=MemoryGenerations(), catalog=films)
        self._history = MemoryHistory()
        self._heartbeat = MemoryHeartbeat()
        self._cache = MemoryStatsCache()
        self._saved: dict[str, SpeedSnapshot] = {}
        self.is_redis_up = True
        self.faults: dict[str, Callable[[], None]] = {}
        self.stores = Stores(
            generations=self._memory.generations,
            speed_view=self._plugged(self._view),
            history=JoinedHistory(self._history, MemoryLake()),
            boundaries=MemoryBoundaries(self._memory),
            heartbeat=self._plugged(self._heartbeat),
            stats=self._memory,
            speed=_MemorySpeedReader(self._plugged(self._view)),
            cache=self._plugged(self._cache),
        )

    def _plugged(self, store: object) -> Any:
        return _Plugged(store, self)

    async def close(self) -> None:
        """Nothing is left behind."""

    def switch_redis(self, up: bool) -> None:
        self.is_redis_up = up

    def issue(self, event: Event) -> None:
        self._memory.sequences[event.user_id] = event.sequence
        self._history.events[event.user_id].append(event)

    def write_user_stats(self, document: Document) -> None:
        self._memory.views[document["user_id"]] = document

    def expire_cache(self) -> None:
        self._cache.locks.clear()
        self._cache.cached.clear()

    def restart_heartbeat(self) -> None:
        self._heartbeat.has_lost = False

    def save_speed_view(self) -> None:
        self._saved = dict(self._view.views)

    def rewind_speed_view(self) -> None:
        self._view.views = dict(self._saved)
        self._heartbeat.has_lost = True

    def wipe_speed_view(self) -> None:
        self._view.views = {}
        self._heartbeat.has_lost = True

    def damage_speed_view(self, user_id: str, random: Random) -> None:
        snapshot = self._view.views.pop(user_id, None)
        lost_key = random.choice(("speed", "genres", "tail"))
        if snapshot is not None and lost_key == "genres":
            self._view.views[user_id] = replace(snapshot, genres={})
        if snapshot is not None and lost_key == "tail":
            self._view.views[user_id] = replace(snapshot, tail=())
