"""`python -m micro_batch` as a process: killed and restarted, ended in good order, and on a cluster."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.contracts.layers import Layer as KernelLayer
from cinematch.local_stack.child_process import ChildProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import free_port
from cinematch.readiness import READY_FILE_VARIABLE
from cinematch.settings import Settings
from micro_batch import job
from tests.environments import environment_of
from tests.heartbeats import beats
from tests.micro_batch_stage import FILMS, Stage
from tests.spark_cluster import spark_cluster

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(1_800)]
PATIENCE_SECONDS = 600.0
USERS = [f"user-{n}" for n in range(40)]


class Layer:
    """Runs of the layer's process, one after another."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.log = LogFile(folder / "micro_batch.log")
        self._folder = folder
        self._process: ChildProcess | None = None

    @property
    def process(self) -> ChildProcess:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        environment = environment_of(self.settings) | {READY_FILE_VARIABLE: str(self._folder / "ready")}
        self._process = ChildProcess([sys.executable, "-m", "micro_batch"], environment, self._folder, self.log)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self.process.exit_code is None, self.log.path.read_text()
            assert time.monotonic() < deadline, self.log.path.read_text()
            time.sleep(0.05)

    def wait_ready(self) -> None:
        self.wait_until((self._folder / "ready").exists)

    def kill(self) -> None:
        """kill -9, unless it never ran."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> int | None:
        """Ask it to end; gives its exit code."""
        self.process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.process.exit_code


@pytest.fixture
def layer(
    kafka_server: Any, mongo_server: Any, spark_jars: Path, settings: Settings, tmp_path: Path
) -> Iterator[Layer]:
    """The layer with short triggers and small micro-batches; not yet running."""
    changes = {
        "global_trends_trigger_seconds": 0.5,
        "max_events_per_trigger": 80,
        "spark_driver_memory": "512m",
        "spark_ui_port": free_port(),
        "user_stats_trigger_seconds": 0.2,
    }
    layer = Layer(settings.model_copy(update=changes), tmp_path)
    yield layer
    layer.kill()


def session_of(leader: int) -> list[str]:
    """Give the living processes of a session, by name."""
    lives = [process for process in psutil.process_iter(["name", "status"]) if process.info["status"] != "zombie"]
    return [process.info["name"] for process in lives if is_in_session(process.pid, leader)]


def is_in_session(pid: int, leader: int) -> bool:
    try:
        return os.getsid(pid) == leader
    except ProcessLookupError:
        return False


def test_killed_in_the_middle_and_restarted_it_loses_and_repeats_nothing(layer: Layer, stage: Stage) -> None:
    usual = layer.settings
    layer.settings = usual.model_copy(update={"max_events_per_trigger": 20})  # far from the end when it is killed
    job.prepare(stage.client, layer.settings)  # before any event, so the stream counts them all
    stage.live(USERS, 400, seed=30)
    stage.publish()
    layer.start()
    layer.wait_until(lambda: stage.database.user_stats.count_documents({}) > 5)
    driver = layer.process.pid
    layer.kill()
    beat = last_beat(stage.database, KernelLayer.MICRO_BATCH)
    assert beat is not None  # whoever looks sees whom to miss
    assert beat.process.endswith(f"/{driver}")
    assert session_of(driver) == []  # no JVM and no Python worker that would go on writing beside the next run
    assert not (stage.stats_are_complete() and stage.trends_are_complete())

    layer.settings = usual
    layer.start()
    layer.wait_ready()
    layer.wait_until(lambda: stage.stats_are_complete() and stage.trends_are_complete())
    stage.assert_stats_equal_a_recomputation()
    stage.assert_trends_equal_a_recount()
    layer.wait_until(lambda: beats(stage.database, KernelLayer.MICRO_BATCH, layer.process.pid))
    assert layer.end() == 0
    assert last_beat(stage.database, KernelLayer.MICRO_BATCH) is None


def test_a_correction_of_the_catalog_reaches_everybody_who_has_the_film_without_an_event(
    layer: Layer, stage: Stage
) -> None:
    stage.live(USERS, 100, seed=32)
    stage.publish()
    layer.start()
    layer.wait_ready()
    layer.wait_until(stage.stats_are_complete)
    corrected = [replace(film, runtime_minutes=7, actors=("Someone else",)) for film in FILMS]
    CatalogWriter(stage.database).put(corrected)
    layer.wait_until(stage.stats_equal_a_recomputation)
    assert layer.end() == 0


def test_without_mongodb_it_ends_with_a_sentence_and_code_1(layer: Layer) -> None:
    nowhere = {"mongodb_url": f"mongodb://127.0.0.1:{free_port()}", "mongodb_timeout_seconds": 0.5}
    layer.settings = layer.settings.model_copy(update=nowhere)
    layer.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while layer.process.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert layer.process.exit_code == 1
    assert "micro_batch: mongodb does not answer" in layer.log.last_lines(1)[0]


def test_on_a_cluster_the_partitions_run_in_both_executors_from_the_shipped_package(
    layer: Layer, settings: Settings, tmp_path: Path
) -> None:
    with spark_cluster(tmp_path) as cluster, connect(settings) as client:
        stage = Stage(settings, client)
        stage.live(USERS, 200, seed=31)
        stage.publish([b"poison"])
        layer.settings = layer.settings.model_copy(
            update={"spark_master_url": cluster.master_url, "spark_executor_memory": "512m"}
        )
        layer.start()
        layer.wait_until(lambda: stage.stats_are_complete() and stage.trends_are_complete())
        stage.assert_stats_equal_a_recomputation()
        stage.assert_trends_equal_a_recount()
        assert [letter.reason for letter in stage.letters().values()] == ["the message is not JSON in UTF-8"]

        recorded = {int(pid) for pid in re.findall(r"/(\d+)'", layer.log.path.read_text())}
        assert recorded
        assert {cluster.worker_of(pid) for pid in recorded} == set(cluster.workers)
        assert layer.end() == 0
