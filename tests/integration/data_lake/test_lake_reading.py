"""Readers see the exact current set of the lake's objects."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cinematch.adapters import s3_lake
from cinematch.domain.events import Event
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from tests.histories import add
from tests.lakes import store_events
from tests.strategies import EPOCH

pytestmark = pytest.mark.integration


def events(user_id: str, first: int, last: int) -> list[Event]:
    return [add(number, f"m{number}", 7.5, user_id=user_id) for number in range(first, last + 1)]


@pytest.fixture
def lake(minio_server: MinioServer, settings: Settings) -> s3_lake.Lake:
    return s3_lake.connect(settings)


def test_a_users_events_come_back_equal_and_in_order(lake: s3_lake.Lake, settings: Settings) -> None:
    first, second = events("ann", 1, 3), events("ann", 3, 5)
    store_events(settings, first + events("bob", 1, 2))
    store_events(settings, second)
    assert lake.events_after("ann", 0) == events("ann", 1, 5)
    assert lake.events_after("ann", 3) == events("ann", 4, 5)
    assert lake.events_after("nobody", 0) == []


def test_events_behind_a_gap_are_not_given(lake: s3_lake.Lake, settings: Settings) -> None:
    store_events(settings, [*events("ann", 1, 2), *events("ann", 4, 4)])
    assert lake.events_after("ann", 0) == events("ann", 1, 2)


def test_an_empty_lake_has_no_events(lake: s3_lake.Lake) -> None:
    assert lake.events_after("ann", 0) == []
    assert lake.uris() == []


def test_days_before_the_moment_asked_for_are_left_out(lake: s3_lake.Lake, settings: Settings) -> None:
    old = store_events(settings, events("ann", 1, 2), kafka_time=EPOCH)
    new = store_events(settings, events("ann", 3, 4), kafka_time=EPOCH + timedelta(days=10))
    assert lake.uris() == [f"s3a://{settings.lake_bucket}/{key}" for key in (old, new)]
    assert lake.uris(since=EPOCH + timedelta(days=9)) == [f"s3a://{settings.lake_bucket}/{new}"]
