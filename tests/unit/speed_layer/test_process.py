"""When the stream ends, the process ends with a sentence that says why, and what to do about it."""

from __future__ import annotations

import threading

import pytest

from cinematch.errors import StreamFailed
from speed_layer.process import run


class EndedStream:
    """A stream that Spark has ended."""

    name = "realtime"
    isActive = False  # noqa: N815 - Spark's name
    status: dict[str, object] = {"message": "Terminated"}  # noqa: RUF012 - never changed

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def exception(self) -> Exception | None:
        """Give why it ended."""
        return self.error

    def stop(self) -> None:
        """Do nothing: it has ended."""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            RuntimeError("Some data may have been lost because ...\nReason: Partition log-0 ..."),
            r"delete CHECKPOINT_DIR/speed_layer/realtime and",
        ),
        (RuntimeError("no such file"), "has ended: no such file"),
        (None, "has ended: it was stopped"),
    ],
)
def test_a_stream_that_has_ended_ends_the_process(error: Exception | None, sentence: str) -> None:
    stop = threading.Event()
    with pytest.raises(StreamFailed, match=sentence):
        run(EndedStream(error), [], stop)
    assert stop.is_set()
