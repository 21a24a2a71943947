"""A failed, killed or overdue night is seen on the health page, until a later one succeeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from batch_layer.publication import Stores
from batch_layer.routes import router
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.api.application import create_app
from cinematch.contracts.generations import GenerationState
from cinematch.settings import Settings

pytestmark = pytest.mark.integration
GOOD, BAD = (200, "ready", "ok"), (200, "degraded", "failing")
Health = Callable[[], tuple[int, str, str]]


@pytest.fixture
def health(stores: Stores, batch_settings: Settings) -> Iterator[Health]:
    """What the page says of the whole and of the nights."""
    with TestClient(create_app(batch_settings, [router])) as api:

        def health() -> tuple[int, str, str]:
            answer = api.get("/health/ready")
            return answer.status_code, answer.json()["status"], answer.json()["dependencies"]["nightly_batch"]

        yield health


def new_run(stores: Stores, owner: str = "host/1/x", age: timedelta = timedelta(0)) -> int:
    return stores.generations.create(owner, datetime.now(UTC) - age, None, None).number


def publish(stores: Stores, number: int) -> None:
    stores.generations.update(number, state=GenerationState.READY)
    stores.generations.publish(number, datetime.now(UTC))


def test_a_failed_night_degrades_the_api_until_a_later_one_succeeds(
    health: Health, stores: Stores, lease: MongoLease
) -> None:
    assert health() == GOOD
    lease.acquire()
    number = new_run(stores, lease.owner)
    assert health() == GOOD
    stores.generations.update(number, state=GenerationState.FAILED, reason="s3 is unavailable")
    assert health() == BAD
    publish(stores, new_run(stores))
    assert health() == GOOD


def test_a_night_that_was_killed_is_seen_once_its_lease_has_ended(
    health: Health, stores: Stores, lease: MongoLease
) -> None:
    lease.acquire()
    new_run(stores, lease.owner)
    assert health() == GOOD
    lease.release()
    assert health() == BAD


def test_what_is_published_may_not_grow_old(health: Health, stores: Stores, batch_settings: Settings) -> None:
    limit = timedelta(seconds=batch_settings.batch_max_age_seconds)
    publish(stores, new_run(stores, age=limit - timedelta(minutes=1)))
    assert health() == GOOD
    publish(stores, new_run(stores, age=limit + timedelta(minutes=1)))
    assert health() == BAD


def test_without_mongodb_only_mongodb_is_failing(batch_settings: Settings) -> None:
    nowhere = batch_settings.model_copy(update={"mongodb_url": "mongodb://127.0.0.1:1", "mongodb_timeout_seconds": 0.3})
    with TestClient(create_app(nowhere, [router])) as api:
        answer = api.get("/health/ready")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["mongodb"])
