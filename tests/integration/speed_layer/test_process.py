"""The speed layer as its own process, with both triggers: exact whatever is killed, flushed or rewound."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.layers import LayerProcess, LayerSpec
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.environments import environment_of
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
LONG_SECONDS = 180  # for a stream on a machine that has much else to do
SPEED_LAYER = LayerSpec("speed_layer", "speed_layer.__main__", ("speed_layer",), uses_spark=True)


@pytest.fixture(params=["micro_batch", "realtime"])
def process(
    request: pytest.FixtureRequest, kafka_server: KafkaServer, spark_jars: Path, settings: Settings, tmp_path: Path
) -> Iterator[LayerProcess]:
    environment = environment_of(
        settings,
        speed_trigger=request.param,
        speed_consumer_group=settings.mongodb_database,
        speed_checkpoint_seconds=10,
        spark_driver_memory="512m",
        spark_ui_port=0,
    )
    process = LayerProcess(SPEED_LAYER, tmp_path, LogFile(tmp_path / "log"), environment)
    process.start()
    process.wait_ready()
    yield process
    process.kill()


def test_the_speed_view_stays_exact(
    process: LayerProcess, stage: SpeedStage, settings: Settings, redis_server: RedisServer
) -> None:
    users = stage.users(12)

    stage.live(users, 150, seed=1)
    stage.publish(POISON)
    stage.await_exact(LONG_SECONDS)
    reached(lambda: len(stage.letters()) == len(POISON), LONG_SECONDS)
    letters = stage.letters().values()
    assert {letter.layer for letter in letters} == {"speed_layer"}
    assert {(letter.value or b"")[:20] for letter in letters} == {(value or b"")[:20] for value in POISON}

    stage.live(users, 100, seed=2)
    stage.publish()
    process.kill()  # mid-stream: what is applied by now is anybody's guess
    stage.live(users, 100, seed=3)
    stage.publish()
    shutil.rmtree(settings.checkpoint_dir, ignore_errors=True)  # from the earliest offset, then: all is repeated
    process.start()
    process.wait_ready()
    stage.await_exact(LONG_SECONDS)
    assert len(stage.letters()) == len(POISON)

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
    process.terminate()
    reached(lambda: not process.alive, 20)
    assert process.process is not None
    assert process.process.exit_code == 0, process.last_words()
