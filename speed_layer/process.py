"""The speed layer as one process: the stream, the guardian, and in real-time mode the delta consumer.

Nothing here may die alone: when the stream fails, or a thread ends by an error, `run` raises, and whoever started the
process starts it again. Repeating is harmless.
"""

from __future__ import annotations

import threading
from typing import Final, Protocol

from cinematch.companion import LEAVE_SECONDS, Companion
from cinematch.process_memory import keep_what_is_loaded
from cinematch.readiness import announce_ready
from cinematch.spark.stream_failure import stream_failed
from cinematch.telemetry import get_logger
from speed_layer.applier import LAYER

CHECK_SECONDS: Final = 0.2
REBUILT_FROM: Final = "the outbox in MongoDB, or else the lake"
log = get_logger(__name__)


class Stream(Protocol):
    """What is needed of a StreamingQuery."""

    @property
    def name(self) -> str: ...
    @property
    def isActive(self) -> bool: ...  # noqa: N802 - Spark's name
    @property
    def status(self) -> dict[str, object]: ...
    def exception(self) -> Exception | None: ...
    def stop(self) -> None: ...


def run(stream: Stream, companions: list[Companion], stop: threading.Event) -> None:
    """Run until `stop`; announces readiness when the stream runs.

    Raises StreamFailed when the stream has ended, or what ended a companion.
    """
    for companion in companions:
        companion.start()
    try:
        _await(stream, companions, stop)
    finally:
        stop.set()
        stream.stop()
        for companion in companions:
            companion.join(LEAVE_SECONDS)


def _await(stream: Stream, companions: list[Companion], stop: threading.Event) -> None:
    announced = False
    while not stop.wait(CHECK_SECONDS):
        if not stream.isActive:
            raise stream_failed(stream.name, stream.exception(), f"{LAYER}/{stream.name}", REBUILT_FROM)
        for companion in companions:
            companion.check()
        if not announced and stream.status["message"] != "Initializing sources":
            keep_what_is_loaded()
            announce_ready()
            announced = True
            log.info("the speed layer runs")
