"""The stores that a schedule works on: in-memory twins here, real servers in `server_world`.

`Switchboard` is Redis's plug: while it is out, everything that speaks to Redis raises StoreUnavailable.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

from batch_layer.publication import Stores
from cinematch.contracts.speed_view import SpeedSnapshot, SpeedView
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.errors import StoreUnavailable
from serving_layer.stores import SpeedReader, StatsCache, StatsStore
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_speed_view import MemorySpeedView
from tests.twins.memory_stats import MemoryStats, MemoryStatsCache

Document = dict[str, Any]


@dataclass
class Switchboard:
    """Whether Redis can be reached."""

    is_up: bool = True

    def guard(self, store: object) -> Any:
        """Give the store behind the plug."""
        return _Plugged(store, self)


class _Plugged:
    def __init__(self, store: object, switchboard: Switchboard) -> None:
        self._store = store
        self._switchboard = switchboard

    def __getattr__(self, name: str) -> Any:
        if not self._switchboard.is_up:
            raise StoreUnavailable("redis", "the plug is out")
        return getattr(self._store, name)


class World(Protocol):
    """What a schedule needs of the stores."""

    switchboard: Switchboard
    stores: Stores
    """As the batch layer uses them."""
    stats: StatsStore
    speed: SpeedReader
    cache: StatsCache
    """As the serving layer uses them."""

    def issue(self, event: Event) -> None:
        """Do what ingestion does in one transaction: counter and outbox."""

    def write_user_stats(self, document: Document) -> None:
        """Do what the micro-batch layer does."""

    def repair_requests(self) -> set[str]:
        """Give the users of whom a reader asked for repair."""

    def forget_repair_request(self, user_id: str) -> None:
        """Take a request away, before its repair begins."""

    def expire_cache(self) -> None:
        """Let what the cache holds, and its locks, run out."""

    def save_speed_view(self) -> None:
        """Remember Redis as it is."""

    def rewind_speed_view(self) -> None:
        """Put Redis back to what was remembered: a start from an older append-only file."""

    def wipe_speed_view(self) -> None:
        """Empty Redis."""

    def damage_speed_view(self, user_id: str, random: Random) -> None:
        """Take a part of one user's keys away, as an eviction would."""


@dataclass
class MemoryStates:
    """Which generations have a state in the lake."""

    generations: set[int] = field(default_factory=set)

    def stored(self) -> set[int]:
        return set(self.generations)

    def drop(self, generation: int) -> None:
        self.generations.discard(generation)


@dataclass
class MemoryHistory:
    """The outbox: every event that was issued."""

    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        return self.events[user_id][sequence:]


@dataclass
class _MemorySpeedReader:
    view: SpeedView

    async def read(self, user_id: str) -> SpeedSnapshot | None:
        return self.view.read(user_id)


class MemoryWorld:
    """The twins; tests/contract proves each equal to the real store."""

    def __init__(self, films: dict[str, Film]) -> None:
        self.switchboard = Switchboard()
        self._view = MemorySpeedView()
        self._memory = MemoryStats(generations=MemoryGenerations(), catalog=films)
        self._history = MemoryHistory()
        self._saved: dict[str, SpeedSnapshot] = {}
        plugged = self.switchboard.guard(self._view)
        self.stores = Stores(self._memory.generations, MemoryStates(), plugged, self._history)
        self.stats: StatsStore = self._memory
        self.speed: SpeedReader = _MemorySpeedReader(plugged)
        self._cache = MemoryStatsCache()
        self.cache: StatsCache = self.switchboard.guard(self._cache)

    def issue(self, event: Event) -> None:
        self._memory.sequences[event.user_id] = event.sequence
        self._history.events[event.user_id].append(event)

    def write_user_stats(self, document: Document) -> None:
        self._memory.views[document["user_id"]] = document

    def repair_requests(self) -> set[str]:
        return set(self._memory.repairs)

    def forget_repair_request(self, user_id: str) -> None:
        self._memory.repairs.discard(user_id)

    def expire_cache(self) -> None:
        self._cache.locks.clear()
        self._cache.cached.clear()

    def save_speed_view(self) -> None:
        self._saved = dict(self._view.views)

    def rewind_speed_view(self) -> None:
        self._view.views = dict(self._saved)

    def wipe_speed_view(self) -> None:
        self._view.views = {}

    def damage_speed_view(self, user_id: str, random: Random) -> None:
        snapshot = self._view.views.pop(user_id, None)
        lost_key = random.choice(("speed", "genres", "tail"))
        if snapshot is not None and lost_key == "genres":
            self._view.views[user_id] = replace(snapshot, genres={})
        if snapshot is not None and lost_key == "tail":
            self._view.views[user_id] = replace(snapshot, tail=())
