"""A failed night is seen on the health page, until a later one succeeds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from batch_layer.publication import Stores
from batch_layer.routes import router
from cinematch.api.application import create_app
from cinematch.contracts.generations import GenerationState
from cinematch.settings import Settings

pytestmark = pytest.mark.integration


def new_run(stores: Stores) -> int:
    return stores.generations.create("host/1/x", datetime.now(UTC), None, None).number


def test_a_failed_night_degrades_the_api_until_a_later_one_succeeds(stores: Stores, batch_settings: Settings) -> None:
    with TestClient(create_app(batch_settings, [router])) as api:

        def health() -> tuple[int, str, str]:
            answer = api.get("/health/ready")
            return answer.status_code, answer.json()["status"], answer.json()["dependencies"]["nightly_batch"]

        assert health() == (200, "ready", "ok")
        number = new_run(stores)
        assert health() == (200, "ready", "ok")
        stores.generations.update(number, state=GenerationState.FAILED, reason="the run was killed")
        assert health() == (200, "degraded", "failing")
        stores.generations.update(new_run(stores), state=GenerationState.READY)
        assert health() == (200, "ready", "ok")


def test_without_mongodb_only_mongodb_is_failing(batch_settings: Settings) -> None:
    nowhere = batch_settings.model_copy(update={"mongodb_url": "mongodb://127.0.0.1:1", "mongodb_timeout_seconds": 0.3})
    with TestClient(create_app(nowhere, [router])) as api:
        answer = api.get("/health/ready")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["mongodb"])
