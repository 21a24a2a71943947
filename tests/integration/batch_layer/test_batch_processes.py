"""The batch layer as cron and spark-submit run it: processes of their own, killed without warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyspark
import pytest

from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.contracts.batch_state import state_prefix
from cinematch.contracts.generations import GenerationState
from cinematch.contracts.layers import Layer
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.errors import Conflict
from cinematch.readiness import READY_FILE_VARIABLE
from tests.batches import BatchLayer, expected
from tests.crontab import read_crontab
from tests.environments import environment_of
from tests.histories import add, film
from tests.lakes import store_events
from tests.spark_cluster import spark_cluster

pytestmark = [pytest.mark.integration, pytest.mark.spark]

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 300.0
"""Of a machine that has other things to do."""
USERS = [f"user-{n}" for n in range(300)]
FILMS: dict[str, Film] = {"m1": film("m1", runtime_minutes=100), "m2": film("m2")}
FIRST = {user: [add(1, "m1", 7, user)] for user in USERS}
SECOND = {user: [add(2, "m2", 8, user)] for user in USERS}


def store(layer: BatchLayer, logs: Mapping[str, list[Event]]) -> None:
    store_events(layer.settings, [event for log in logs.values() for event in log])


def both() -> dict[str, list[Event]]:
    return {user: FIRST[user] + SECOND[user] for user in USERS}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_line_of_the_crontab_publishes_a_generation(batch_layer: BatchLayer, tmp_path: Path) -> None:
    store(batch_layer, FIRST)
    batch_layer.catalog(FILMS.values())
    crontab = read_crontab()
    done = crontab.run(batch_layer.settings.batch_cron, batch_layer.settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Generation 1 is published: 300 users, 300 films, 300 new events" in done.stdout
    assert crontab.variables["CRON_TZ"] == "UTC"
    assert batch_layer.published() == expected(FIRST, FILMS)


def test_killed_while_it_writes_it_leaves_the_published_one_and_can_be_run_again(batch_layer: BatchLayer) -> None:
    batch_layer.settings = batch_layer.settings.model_copy(update={"batch_lease_seconds": 20.0})
    store(batch_layer, FIRST)
    batch_layer.catalog(FILMS.values())
    batch_layer.run()
    store(batch_layer, SECOND)
    objects = batch_layer.stores.states._objects  # type: ignore[attr-defined]
    process = subprocess.Popen(
        [sys.executable, "-m", "cinematch", "batch", "run"],
        env=environment_of(batch_layer.settings),
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: f"{state_prefix(2)}_SUCCESS" in objects.sizes(state_prefix(2)) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    assert batch_layer.published() == expected(FIRST, FILMS)
    assert batch_layer.stores.generations.get(2).state is GenerationState.BUILDING
    until_the_lease_ends(batch_layer)
    assert batch_layer.run().base == 1

    assert batch_layer.published() == expected(both(), FILMS)
    killed = batch_layer.stores.generations.get(2)
    assert (killed.state, killed.reason) == (GenerationState.FAILED, "the run was killed")
    assert batch_layer.stores.generations.stored() == batch_layer.stores.states.stored() == {1, 3}


def until_the_lease_ends(layer: BatchLayer) -> None:
    with pytest.raises(Conflict, match="another batch run is at work"):
        layer.run()
    until(lambda: layer.lease().holder() is None)


def test_spark_submit_runs_the_job_on_a_cluster(batch_layer: BatchLayer, tmp_path: Path) -> None:
    """A standalone master and two workers that cannot import this checkout: the driver itself computes nothing."""
    store(batch_layer, FIRST)
    batch_layer.catalog(FILMS.values())
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    folder = batch_layer.settings.spark_jars_dir
    assert folder is not None
    jars = ",".join(str(jar) for jar in folder.glob("*.jar"))
    with spark_cluster(tmp_path) as cluster:
        own = environment_of(batch_layer.settings, spark_master_url=cluster.master_url, spark_executor_memory="512m")
        done = subprocess.run(
            [submit, "--jars", jars, ROOT / "batch_layer/job.py", "--full"],
            env=own | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert batch_layer.published() == expected(FIRST, FILMS)


def test_the_scheduler_gets_ready_and_ends_when_asked(batch_layer: BatchLayer, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [sys.executable, "-m", "batch_layer"],
        env=environment_of(batch_layer.settings) | {READY_FILE_VARIABLE: str(ready)},
    )
    until(lambda: ready.exists() or process.poll() is not None)
    with connect(batch_layer.settings) as client:
        database = client[batch_layer.settings.mongodb_database]
        until(lambda: last_beat(database, Layer.BATCH_LAYER) is not None or process.poll() is not None)
        beat = last_beat(database, Layer.BATCH_LAYER)
        assert beat is not None
        assert (beat.process.rpartition("/")[2], beat.alive) == (str(process.pid), True)
        process.terminate()
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
        assert last_beat(database, Layer.BATCH_LAYER) is None
