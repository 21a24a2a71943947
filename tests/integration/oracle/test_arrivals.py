"""What the end of the schedules looks at in lake, Redis and batch view, and what it finds wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, cast

import pytest

from cinematch.adapters import redis_client
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.collections import USER_STATS_BATCH
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.events import Event
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.histories import add
from tests.lakes import store_events
from tests.oracle.arrivals import Arrivals
from tests.oracle.client import EventLogs
from tests.oracle.oracle import WrongAnswer


def events(user_id: str, last: int) -> list[Event]:
    return [add(number, f"m{number}", 7.5, user_id=user_id) for number in range(1, last + 1)]


@dataclass
class Published:
    """A batch view with these boundaries."""

    boundaries: dict[str, int]

    def find(self, *_: object) -> list[dict[str, Any]]:
        return [{"_id": user, "as_of_sequence": sequence} for user, sequence in self.boundaries.items()]


@dataclass
class Issued:
    """An outbox with so many events of each user."""

    sequences: dict[str, int]

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        return events(user_id, self.sequences[user_id])[sequence:]


Look = Callable[..., Arrivals]


@pytest.fixture
def look(settings: Settings) -> Iterator[Look]:
    """Give arrivals beside a batch view with the given boundaries."""
    with ExitStack() as stack:
        yield lambda **boundaries: stack.enter_context(
            closing(Arrivals(settings, {USER_STATS_BATCH: Published(boundaries)}))
        )


def logs(**sequences: int) -> EventLogs:
    return EventLogs(cast(Outbox, Issued(sequences)))


def test_a_lake_with_every_event_is_right_and_one_that_lacks_the_last_is_not(
    minio_server: MinioServer, settings: Settings, look: Look
) -> None:
    store_events(settings, events("ann", 3) + events("bob", 2))
    look().check_lake(logs(ann=3, bob=2), {"ann": 3, "bob": 2})
    with pytest.raises(WrongAnswer, match="bob: 3 events were issued, log and lake have 3 and 2, of which the first 2"):
        look().check_lake(logs(ann=3, bob=3), {"ann": 3, "bob": 3})


def test_a_lake_reaches_the_offset_behind_its_last_record(
    minio_server: MinioServer, settings: Settings, look: Look
) -> None:
    store_events(settings, events("ann", 3))
    filled, empty = (LogPartition(settings.events_topic, number) for number in (0, 3))
    assert look().lake_reaches({filled: 3, empty: 0})
    assert not look().lake_reaches({filled: 4, empty: 0})
    assert not look().lake_reaches({filled: 3, empty: 1})


def test_batch_and_speed_view_have_together_what_was_issued(
    redis_server: RedisServer, settings: Settings, look: Look
) -> None:
    with closing(redis_client.connect(settings)) as client:
        RedisSpeedView(client, 60).apply({"arrived": events("arrived", 3)})
    assert look().speed_view_has({"arrived": 3})
    assert not look().speed_view_has({"arrived": 4})
    assert not look().speed_view_has({"arrived": 3, "elsewhere": 1})
    assert look(elsewhere=1).speed_view_has({"arrived": 3, "elsewhere": 1})


def test_a_boundary_that_is_not_the_last_sequence_is_named(settings: Settings, look: Look) -> None:
    look(ann=3, bob=2).check_batch_view({"ann": 3, "bob": 2})
    with pytest.raises(WrongAnswer, match=r"by user: \{'bob': \(2, 3\), 'cid': \(None, 1\)\}"):
        look(ann=3, bob=2).check_batch_view({"ann": 3, "bob": 3, "cid": 1})
