"""A program that takes longer than it may is killed, and whoever called it gets a sentence in place of a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.errors import CineMatchError
from cinematch.local_stack import kafka_server, minio_build
from cinematch.local_stack.jars import KAFKA_ARTIFACTS
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.service import ServiceFailed
from cinematch.local_stack.toolchain import Toolchain
from deploy import jar_lock

SECONDS = 0.05


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A program that does not end by itself, whatever it is asked to do."""
    program = tmp_path / "slow"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    return program


def test_a_storage_whose_formatting_takes_too_long_fails_the_broker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slow: Path
) -> None:
    monkeypatch.setattr(kafka_server, "FORMAT_TIMEOUT_SECONDS", SECONDS)
    monkeypatch.setattr(Toolchain, "java", slow)
    monkeypatch.setattr(Toolchain, "kafka_jars", lambda self: tmp_path)
    broker = KafkaServer(Toolchain(tmp_path), tmp_path, LogFile(tmp_path / "log"), port=1, controller_port=2)
    with pytest.raises(ServiceFailed, match=r"^Kafka's storage was not formatted in 0\.05 s: "):
        broker.prepare()


def test_jars_that_take_too_long_are_no_traceback(monkeypatch: pytest.MonkeyPatch, slow: Path) -> None:
    monkeypatch.setattr(jar_lock, "RESOLVE_TIMEOUT_SECONDS", SECONDS)
    with pytest.raises(CineMatchError, match=r"^the jars were not resolved in 0\.05 s: "):
        jar_lock.resolved(slow, KAFKA_ARTIFACTS)


def test_a_build_of_minio_that_takes_too_long_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slow: Path
) -> None:
    monkeypatch.setattr(minio_build, "BUILD_TIMEOUT_SECONDS", SECONDS)
    monkeypatch.setattr(minio_build, "_go", lambda: slow)
    with pytest.raises(CineMatchError, match=r"^MinIO was not built in 0\.05 s: "):
        minio_build.build(tmp_path / "minio")
