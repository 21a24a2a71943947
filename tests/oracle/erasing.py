"""Schedules in which users are erased, come back, and are forgotten place by place, at random moments.

The log of the oracle keeps everything: an erasure ends with an empty list, so a replay from the beginning and one from
the floor give the same. That is the law that lets the layers forget.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cinematch.contracts.event_history import JoinedHistory
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.errors import UserNotFound
from cinematch.settings import StatsMode
from tests.oracle.oracle import WrongAnswer, check
from tests.oracle.schedule import USERS, Schedule
from tests.oracle.world import MemoryHistory, MemoryWorld
from tests.twins.memory_batch import MemoryLake


@dataclass
class ForgetfulHistory(MemoryHistory):
    """An outbox that has removed what lies up to a user's floor."""

    removed: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        return [] if sequence < self.removed[user_id] else super().events_after(user_id, sequence)


class ErasingWorld(MemoryWorld):
    """The twins, with tombstones."""

    def __init__(self, films: dict[str, Film]) -> None:
        super().__init__(films)
        self.history = self._history = ForgetfulHistory()
        self.stores.history = JoinedHistory(self.history, MemoryLake())
        self.tombstones = self._memory.tombstones

    def is_nobody(self, user_id: str) -> bool:
        """Say whether the user was erased and has not come back."""
        return user_id in self.tombstones and user_id not in self._memory.sequences

    def issue(self, event: Event) -> None:
        if self.is_nobody(event.user_id):
            self._memory.floors[event.user_id] = self.tombstones[event.user_id]
        super().issue(event)

    def bury(self, user_id: str, floor: int) -> None:
        """Do what `Erasures.bury` does in one transaction."""
        self.tombstones[user_id] = floor
        self._memory.sequences.pop(user_id, None)
        self._memory.floors.pop(user_id, None)
        self._memory.views.pop(user_id, None)
        self._memory.repairs.discard(user_id)

    def documents(self, user_id: str) -> list[int]:
        """Give the generations that have something of the user from before the floor."""
        generations, floor = self._memory.generations, self.tombstones[user_id]
        reached = {number: generations.boundaries(number, [user_id]).get(user_id) for number in generations.stored()}
        return [number for number, sequence in reached.items() if sequence is not None and sequence <= floor]


@dataclass
class ErasingSchedule(Schedule):
    """Every answer must be of nobody, or of what came after the last erasure, and then exact."""

    make_world: Callable[[dict[str, Any]], ErasingWorld] = ErasingWorld
    world: ErasingWorld = field(init=False)
    burials: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.layers.tombstones = self.world.tombstones
        self.actions |= {
            "erase": (2, lambda: self._erase(self.random.choice(USERS))),
            "forget in outbox": (4, lambda: self._of_erased(self._forget_in_outbox)),
            "forget in redis": (4, self._in_redis(lambda: self._of_erased(self._forget_in_redis))),
            "forget in lake": (4, lambda: self._of_erased(self._forget_in_lake)),
            "forget in batch": (4, lambda: self._of_erased(self._forget_in_batch)),
        }

    def _erase(self, user_id: str) -> None:
        if not self.logs.events[user_id] or self.world.is_nobody(user_id):
            return
        while (removal := self.logs.next_removal(user_id)) is not None:
            self.layers.issue(removal)
            if self.random.random() < 0.05:  # killed: the list is shorter, and somebody runs it again
                return
        self.world.bury(user_id, len(self.logs.events[user_id]))
        self.burials[user_id] += 1
        self.tally["erased"] += 1

    def _of_erased(self, forget: Callable[[str], None]) -> None:
        if self.world.tombstones:
            forget(self.random.choice(sorted(self.world.tombstones)))

    def _forget_in_outbox(self, user_id: str) -> None:
        if not any(self._is_old(event, user_id) for event in self.layers.outbox[self.layers.relayed :]):
            self.world.history.removed[user_id] = self.world.tombstones[user_id]

    def _forget_in_redis(self, user_id: str) -> None:
        self.world.stores.speed_view.forget({user_id: self.world.tombstones[user_id]})

    def _forget_in_lake(self, user_id: str) -> None:
        self.layers.lake_rows = [event for event in self.layers.lake_rows if not self._is_old(event, user_id)]

    def _forget_in_batch(self, user_id: str) -> None:
        running = self.running.get("batch")
        if running is not None and not running.is_over:
            return  # it has the lease
        for number in self.world.documents(user_id):
            self.world.stores.generations.remove(number, [user_id])
            self.layers.states.drop(number)

    def _is_old(self, event: Event, user_id: str) -> bool:
        return event.user_id == user_id and event.sequence <= self.world.tombstones[user_id]

    async def _read(self, user_id: str, mode: StatsMode) -> None:
        log, floor, burials = self.logs.events[user_id], self.world.tombstones.get(user_id, 0), self.burials[user_id]
        issued_before, was_nobody = len(log), self.world.is_nobody(user_id)
        try:
            answer = await self.services[mode].get_user_stats(user_id)
        except UserNotFound:
            if issued_before and not was_nobody and self.burials[user_id] == burials:
                raise WrongAnswer(f"{user_id} has {issued_before} events and was not found") from None
            self.tally["nobody"] += was_nobody
            return
        if was_nobody and len(log) == issued_before:
            raise WrongAnswer(f"{user_id} was erased and is answered: {answer}")
        if answer["freshness"]["applied_sequence"] < floor:
            raise WrongAnswer(f"{user_id} was erased up to {floor}, and the answer is of before: {answer}")
        self.tally["after an erasure"] += bool(floor)
        check(answer, log, issued_before, self.logs.films)

    async def _settle(self) -> None:
        """Whoever is nobody is left out of the last checks of answers, and must be found nowhere."""
        logs = dict(self.logs.events)
        for user_id in filter(self.world.is_nobody, USERS):
            del self.logs.events[user_id]
        await super()._settle()
        self.logs.events.update(logs)
        self.layers.batch(lambda: None)
        for user_id, floor in self.world.tombstones.items():
            document = self.world.stores.generations.document(user_id)
            if document is not None and document["as_of_sequence"] <= floor:
                raise WrongAnswer(f"a batch after the erasure has brought {user_id} back: {document}")
            for forget in (self._forget_in_outbox, self._forget_in_lake, self._forget_in_batch):
                forget(user_id)
        self.layers.guard(lambda: None)  # what came to Redis behind its eraser goes without another one
        for user_id in self.world.tombstones:
            await self._check_forgotten(user_id)

    async def _check_forgotten(self, user_id: str) -> None:
        floor, view = self.world.tombstones[user_id], self.world.stores.speed_view.read(user_id)
        if view is not None and (view.base_sequence < floor or self.world.is_nobody(user_id)):
            raise WrongAnswer(f"the speed view still has {user_id}: {view}")
        if self.world.documents(user_id) or self.world.history.events_after(user_id, 0):
            raise WrongAnswer(f"{user_id} is still in a generation or in the outbox")
        for mode in self.services:
            await self._read(user_id, mode)
