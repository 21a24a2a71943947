"""The speed layer as its own process, with both triggers: exact whatever is killed, flushed or rewound."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.contracts.dead_letter import CARRIED_KEY_BYTES
from cinematch.contracts.layers import Layer
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.layers import LayerProcess, LayerSpec
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.environments import environment_of
from tests.heartbeats import beats
from tests.poison import poison
from tests.spark_cluster import SparkCluster, spark_cluster
from tests.speed_stage import SpeedStage, reached

pytestmark = [pytest.mark.integration, pytest.mark.spark]

POISON = (
    b"{",
    b"",
    None,
    b"x" * 900_000,
    b'{"schema_version": 2}',
    b'{"schema_version": 1, "user_id": "u", "sequence": 1}',
)
POISON_KEYS = (
    (b"k" * 1_040_000, b"{", None),
    (b"k" * 400_000, b"x" * 640_000, None),
    (b"k" * 3_000_000, b"{", "gzip"),
    (b"k" * 2_000_000, b"x" * 2_000_000, "gzip"),
)
"""Key, value and compression: the broker takes them all, but as they are no message of ours could carry them on."""
LETTERS = len(POISON) + len(POISON_KEYS) + len(poison("user"))
LONG_SECONDS = 180  # for a stream on a machine that has much else to do
SPEED_LAYER = LayerSpec("speed_layer", "speed_layer.__main__", ("speed_layer",), uses_spark=True)


def new_process(settings: Settings, folder: Path, **changes: object) -> LayerProcess:
    own = {"speed_consumer_group": settings.mongodb_database, "spark_driver_memory": "512m", "spark_ui_port": 0}
    environment = environment_of(settings, **own, **changes)
    return LayerProcess(SPEED_LAYER, folder, LogFile(folder / "log"), environment)


@pytest.fixture(params=["micro_batch", "realtime"])
def process(
    request: pytest.FixtureRequest, kafka_server: KafkaServer, spark_jars: Path, settings: Settings, tmp_path: Path
) -> Iterator[LayerProcess]:
    process = new_process(settings, tmp_path, speed_trigger=request.param, speed_checkpoint_seconds=10)
    process.start()
    process.wait_ready()
    yield process
    process.kill()


@pytest.mark.timeout(1_800)
def test_the_speed_view_stays_exact(
    process: LayerProcess, stage: SpeedStage, settings: Settings, redis_server: RedisServer
) -> None:
    users = stage.users(12)

    stage.live(users, 150, seed=1)
    for key, value, compression in POISON_KEYS:
        stage.send(key, value, compression)
    stage.publish(POISON)
    bad = stage.poison(users[0])
    stage.await_exact(LONG_SECONDS)
    reached(lambda: len(stage.letters()) == LETTERS, LONG_SECONDS)
    letters = stage.letters().values()
    assert {letter.layer for letter in letters} == {"speed_layer"}
    values = [*POISON, *(value for _, value, _ in POISON_KEYS), *(record.value for record in bad)]
    assert Counter((letter.value or b"")[:20] for letter in letters) == Counter((it or b"")[:20] for it in values)
    assert max(len(letter.key or b"") for letter in letters) == CARRIED_KEY_BYTES

    stage.live(users, 100, seed=2)
    stage.publish()
    process.kill()  # mid-stream: what is applied by now is anybody's guess
    stage.live(users, 100, seed=3)
    stage.publish()
    shutil.rmtree(settings.checkpoint_dir, ignore_errors=True)  # from the earliest offset, then: all is repeated
    process.start()
    process.wait_ready()
    stage.await_exact(LONG_SECONDS)
    assert len(stage.letters()) == LETTERS

    stage.redis.flushall()
    assert stage.await_exact() < 60

    file = redis_server.folder / "appendonly.aof"
    redis_server.stop()
    older = file.read_bytes()
    redis_server.start()
    redis_server.wait_ready()
    stage.live(users, 60, seed=4)
    stage.publish()
    stage.await_exact(LONG_SECONDS)
    redis_server.kill()
    file.write_bytes(older)
    redis_server.start()
    redis_server.wait_ready()
    assert stage.await_exact() < 60

    stage.live(users, 60, seed=5)
    stage.publish()
    stage.await_exact(LONG_SECONDS)
    reached(lambda: beats(stage.database, Layer.SPEED_LAYER, process.pid), LONG_SECONDS)
    process.terminate()
    reached(lambda: not process.alive, LONG_SECONDS)
    assert last_beat(stage.database, Layer.SPEED_LAYER) is None
    assert process.process is not None
    assert process.process.exit_code == 0, process.last_words()


def test_on_a_spark_cluster_the_workers_themselves_call_redis(
    kafka_server: KafkaServer, spark_jars: Path, settings: Settings, stage: SpeedStage, tmp_path: Path
) -> None:
    with spark_cluster(tmp_path) as cluster:
        changes = {"spark_master_url": cluster.master_url, "spark_executor_memory": "512m"}
        process = new_process(settings, tmp_path / "layer", speed_trigger="micro_batch", **changes)
        process.start()
        try:
            process.wait_ready()
            for seed in range(20):  # in small steps, until both workers had a share
                stage.live(stage.users(30), 30, seed)
                stage.publish()
                stage.await_exact(LONG_SECONDS)
                if set(cluster.workers) <= callers(cluster, stage):
                    break
            assert set(cluster.workers) <= callers(cluster, stage)
        finally:
            process.stop()


def callers(cluster: SparkCluster, stage: SpeedStage) -> set[int | None]:
    """Give the Spark workers below which processes live that are connected to Redis."""
    clients: Any = stage.redis.client_list()
    ports = {int(client["addr"].rpartition(":")[2]) for client in clients}
    sockets: Any = psutil.net_connections("tcp")
    pids = {it.pid for it in sockets if it.pid and it.laddr and it.laddr.port in ports}
    return {cluster.worker_of(pid) for pid in pids}
