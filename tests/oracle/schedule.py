"""A seeded schedule: all that can happen, in any order, also inside reads and between the steps of operations."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cinematch.errors import StoreUnavailable, UserNotFound
from cinematch.settings import StatsMode
from serving_layer.cache_aside_mode import CacheAsideStats
from serving_layer.films import FilmCache
from serving_layer.incremental_mode import IncrementalStats
from serving_layer.lambda_mode import LambdaStats
from serving_layer.micro_batch_mode import MicroBatchStats
from serving_layer.service import StatsSource, UserStatsService
from tests.oracle.layers import Layers
from tests.oracle.oracle import WrongAnswer, check, check_complete
from tests.oracle.random_log import RandomLogs, random_catalog
from tests.oracle.stepping import AsyncPaused, Stepped
from tests.oracle.world import World

USERS = ("ann", "bob", "{eve}")
FILMS = 40
FAULT_WEIGHT = 0.3
SPEED_LAYER = ("speed", "guardian")
"""Operations of one process; every other is a process of its own."""
READ_MODES = (StatsMode.LAMBDA,) * 6 + (StatsMode.INCREMENTAL, StatsMode.CACHE_ASIDE, StatsMode.MICRO_BATCH)


@dataclass
class Schedule:
    """One run of `steps` random actions on a fresh world; `tally` counts what was done and what was read."""

    seed: int
    make_world: Callable[[dict[str, Any]], World]
    steps: int = 150
    tally: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        films = random_catalog(self.random, FILMS)
        self.world = self.make_world(films)
        self.logs = RandomLogs(self.random, films)
        self.layers = Layers(self.world, films, self.random)
        self.running: dict[str, Stepped] = {}
        self.services = {mode: UserStatsService(source, 1.0) for mode, source in self._sources().items()}
        self.actions: dict[str, tuple[float, Callable[[], None]]] = {
            "write": (30, self._write),
            "relay": (20, lambda: self.layers.relay(self.random.randint(1, 10))),
            "speed": (25, lambda: self._operate("speed", self.layers.speed)),
            "lake": (8, lambda: self.layers.lake(self.random.randint(1, 25))),
            "compact": (2, self.layers.compact),
            "batch": (14, self._batch_or_rollback),
            "guardian": (10, lambda: self._operate("guardian", self.layers.guard)),
            "rebuild": (4, lambda: self._operate("rebuild", self.layers.rebuild)),
            "micro_batch": (8, self._micro_batch),
            "save": (2, self._in_redis(self.world.save_speed_view)),
            "rewind": (1, self._in_redis(self.world.rewind_speed_view)),
            "wipe": (1, self._in_redis(self.world.wipe_speed_view)),
            "damage": (1, self._in_redis(self._damage)),
            "plug": (2, lambda: self.world.switch_redis(not self.world.is_redis_up or self.random.random() < 0.4)),
            **{name: (FAULT_WEIGHT, fault) for name, fault in self.world.faults.items()},
        }

    async def run(self) -> None:
        """Act and read. Raises WrongAnswer, with the seed."""
        try:
            for _ in range(self.steps):
                if self.random.random() < 0.25:
                    await self._read(self.random.choice(USERS), self.random.choice(READ_MODES))
                else:
                    self._act()
            await self._settle()
        except WrongAnswer as error:
            raise WrongAnswer(f"seed {self.seed}: {error}") from error
        finally:
            for operation in self.running.values():
                operation.kill()
            await self.world.close()

    def _sources(self) -> dict[StatsMode, StatsSource]:
        stats: Any = AsyncPaused(self.world.stores.stats, self._inside_read)
        speed: Any = AsyncPaused(self.world.stores.speed, self._inside_read)
        cache: Any = AsyncPaused(self.world.stores.cache, self._inside_read)
        return {
            StatsMode.MICRO_BATCH: MicroBatchStats(stats),
            StatsMode.CACHE_ASIDE: CacheAsideStats(stats, cache, self._wait),
            StatsMode.INCREMENTAL: IncrementalStats(stats, speed),
            StatsMode.LAMBDA: LambdaStats(stats, speed, FilmCache(stats)),
        }

    def _act(self) -> None:
        names = list(self.actions)
        (name,) = self.random.choices(names, [self.actions[each][0] for each in names])
        self.tally[name] += 1
        self.actions[name][1]()

    async def _inside_read(self, call: str) -> None:
        """Let other things happen between the calls of one read, in either order of the two stores."""
        self.tally[f"read.{call}"] += 1
        for _ in range(self.random.choice((0, 0, 1, 2))):
            await asyncio.sleep(0)
        for _ in range(self.random.choice((0, 0, 0, 1, 3))):
            self._act()

    async def _wait(self, _: float) -> None:
        """Let time pass for a reader who waits for another one's recomputation; at last its lock runs out."""
        await asyncio.sleep(0)
        if self.random.random() < 0.2:
            self.world.expire_cache()

    async def _read(self, user_id: str, mode: StatsMode) -> None:
        issued_before = len(self.logs.events[user_id])
        try:
            answer = await self.services[mode].get_user_stats(user_id)
        except UserNotFound:
            if issued_before:
                raise WrongAnswer(f"{user_id} has {issued_before} events and was not found") from None
            return
        except StoreUnavailable:
            if not self.world.faults:
                raise
            self.tally["unavailable"] += 1
            return
        self.tally["complete" if answer["freshness"]["complete"] else "incomplete"] += 1
        check(answer, self.logs.events[user_id], issued_before, self.logs.films)

    async def _settle(self) -> None:
        """Bring everything to an end, without a command; then every mode must have everything, and all must agree."""
        self.world.switch_redis(True)
        for operation in self.running.values():
            operation.finish()
        self.layers.relay(len(self.layers.outbox))
        self.layers.lake(len(self.layers.topic))
        while self.layers.speed_offset < len(self.layers.topic):
            self.layers.speed(_nothing)
        self.actions = {"nothing": (1, _nothing)}
        logs = {user_id: log for user_id, log in self.logs.events.items() if log}
        self.layers.guard(_nothing)
        for user_id, log in logs.items():
            self.layers.micro_batch(user_id, log)
            await self._read(user_id, StatsMode.LAMBDA)  # finds what only a reader can find
        self.layers.guard(_nothing)
        for user_id, log in logs.items():
            for service in self.services.values():
                check_complete(await service.get_user_stats(user_id), log, self.logs.films)

    def _operate(self, name: str, operation: Callable[[Callable[[], None]], None]) -> None:
        """Start an operation, or let the one under way take a step, or kill it."""
        running = self.running.get(name)
        if running is None or running.is_over:
            self.running[name] = running = Stepped(operation)
        elif self.random.random() < 0.05:
            self._kill(name)
            return
        running.step(self.random.randint(1, 8))

    def _kill(self, name: str) -> None:
        self.tally[f"{name}.kill"] += 1
        processes = SPEED_LAYER if name in SPEED_LAYER else (name,)
        for each in processes:
            if each in self.running:
                self.running[each].kill()
        if processes == SPEED_LAYER:
            self.layers.crash_speed_layer()

    def _batch_or_rollback(self) -> None:
        choice = self.layers.rollback if self.random.random() < 0.3 else self.layers.batch
        self._operate("batch", choice)

    def _write(self) -> None:
        self.layers.issue(self.logs.next_event(self.random.choice(USERS)))

    def _micro_batch(self) -> None:
        user_id = self.random.choice(USERS)
        if self.logs.events[user_id]:
            self.layers.micro_batch(user_id, self.logs.events[user_id])

    def _in_redis(self, action: Callable[[], None]) -> Callable[[], None]:
        """What happens to the data of Redis happens while it is up."""
        return lambda: action() if self.world.is_redis_up else None

    def _damage(self) -> None:
        self.world.damage_speed_view(self.random.choice(USERS), self.random)


def _nothing(*_: Any) -> None:
    """Do nothing."""
