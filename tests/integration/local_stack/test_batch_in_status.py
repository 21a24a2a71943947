"""`cinematch status` tells how the nights are, and does not wait for a MongoDB that does not answer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.cli.application import app
from cinematch.contracts.generations import GenerationState
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.private_file import write_private
from cinematch.local_stack.stack_status import StackStatus, write_status
from cinematch.settings import Settings

pytestmark = pytest.mark.integration
DRIVERS_OWN_PATIENCE_SECONDS = 30.0


@pytest.fixture
def folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataFolder]:
    """The folder of a stack that runs, as far as its files tell; its MongoDB is that of `settings`."""
    monkeypatch.setenv("MONGODB_DATABASE", settings.mongodb_database)
    folder = DataFolder(tmp_path / "data")
    with folder.held():
        write_private(folder.environment_file, json.dumps({"MONGODB_URL": settings.mongodb_url}))
        write_status(folder, StackStatus("running", os.getpid(), {"mongodb": settings.mongodb_url}))
        monkeypatch.setattr("cinematch.local_stack.stack_status.is_stack_process", lambda *_: True)
        yield folder


def status(folder: DataFolder, *options: str) -> str:
    done = CliRunner().invoke(app, ["status", "--data-dir", str(folder.path), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def batch(folder: DataFolder) -> dict[str, Any] | None:
    document: dict[str, Any] | None = json.loads(status(folder, "--json"))["batch"]
    return document


@pytest.mark.usefixtures("mongo_server")
def test_what_is_published_and_the_last_run_are_told(folder: DataFolder, settings: Settings) -> None:
    before = batch(folder)
    assert before is not None
    assert (before["state"], before["generation"], before["last_run"]) == ("none", None, None)
    assert "nightly batch: none" in status(folder)
    with mongodb_client.connect(settings) as client:
        generations = MongoGenerations(client[settings.mongodb_database])
        for reason in (None, "s3 is unavailable: no answer"):
            number = generations.create("host/1/x", datetime.now(UTC), None, None).number
            if reason is None:
                generations.update(number, state=GenerationState.READY, seconds=12.5)
                generations.publish(number, datetime.now(UTC))
            else:
                generations.update(number, state=GenerationState.FAILED, reason=reason)
    after = batch(folder)
    assert after is not None
    assert (after["state"], after["generation"]) == ("failed", 1)
    assert datetime.fromisoformat(after["published_at"]).tzinfo is not None
    assert (after["last_run"]["generation"], after["last_run"]["state"]) == (2, "failed")
    shown = " ".join(status(folder).split())
    assert "nightly batch: failed, generation 1 published at 20" in shown
    assert "generation 2 failed: s3 is unavailable: no answer" in shown


def test_without_mongodb_it_is_unknown_and_soon_said(folder: DataFolder) -> None:
    write_private(folder.environment_file, json.dumps({"MONGODB_URL": "mongodb://127.0.0.1:1"}))
    began = time.monotonic()
    assert batch(folder) is None
    assert time.monotonic() - began < DRIVERS_OWN_PATIENCE_SECONDS
    assert "nightly batch: unknown" in status(folder)


def test_a_stopped_stack_has_no_nights(tmp_path: Path) -> None:
    assert batch(DataFolder(tmp_path)) is None
    assert "nightly batch" not in status(DataFolder(tmp_path))
