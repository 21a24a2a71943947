"""What tests of the speed layer share: real lists in MongoDB, their events in Kafka, and what Redis must hold."""

from __future__ import annotations

import time
from collections.abc import Callable

from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.redis_client import RedisClient
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.settings import Settings
from speed_layer.repairs import Repairs
from tests.micro_batch_stage import Stage
from tests.twins.memory_speed_view import MemorySpeedView


class SpeedStage(Stage):
    """One test's database and topics; its users' names are its own, for Redis is shared."""

    def __init__(self, settings: Settings, client: SyncClient, redis: RedisClient) -> None:
        super().__init__(settings, client)
        self.redis = redis
        self.view = RedisSpeedView(redis, settings.speed_idle_expiry_seconds)
        self.boundaries = Boundaries(self.database)
        self.repairs = Repairs(self.view, self.boundaries, JoinedHistory(self.outbox, NoLake()))

    def user(self, name: str) -> str:
        """Give a user of this test."""
        return f"{self.settings.mongodb_database}-{name}"

    def users(self, number: int) -> list[str]:
        """Give users of this test."""
        return [self.user(str(n)) for n in range(number)]

    def publish_batch(self, boundaries: dict[str, int]) -> None:
        """Publish a batch view that says no more than how far it reaches."""
        self.database.user_stats_batch.drop()
        documents = [{"_id": user, "as_of_sequence": sequence} for user, sequence in boundaries.items()]
        self.database.user_stats_batch.insert_many(documents)

    def expected(self, user_id: str) -> SpeedSnapshot | None:
        """Give the view of the user's whole log."""
        twin = MemorySpeedView()
        twin.replace(user_id, 0, self.outbox.events_after(user_id, 0))
        return twin.read(user_id)

    def differences(self) -> list[str]:
        """Give the users whose view is not that of their whole log."""
        return [user_id for user_id in self.sequences() if self.view.read(user_id) != self.expected(user_id)]

    def await_exact(self, seconds: float = 60) -> float:
        """Wait until no user differs; give the seconds it took."""
        start = time.monotonic()
        reached(lambda: self.repairs.broken_views() == {}, seconds)
        assert self.differences() == []
        return time.monotonic() - start


class NoLake:
    """A lake that has nothing, for tests in which the outbox must do."""

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give nothing."""
        return []


def reached(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not reached in {seconds} s"
        time.sleep(0.1)
