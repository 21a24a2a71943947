"""Why a stream has ended by itself, with advice where starting it again would fail in the same way for ever."""

from __future__ import annotations

import re
from typing import Final

from cinematch.errors import StreamFailed

HOW_TO: Final = "docs/how-to/kafka-lost-events.md"
_LOST_OFFSETS: Final = re.compile(
    r"Some data may have been lost because .*?Reason: (?P<lost>[^\n]+)"
    r"|(?P<ahead>The (?:resolved|specified) start [^\n]* is greater than [^\n]*)"
    r"|(?P<unfetched>Fetch position [^\n]*? is out of range for partition [^\s,]+)",
    re.DOTALL,
)
"""What Spark says, also through a Python callback, of a checkpoint that expects offsets which Kafka does not have; the
last one is real-time mode, which has the driver of Kafka find it out."""


def stream_failed(name: str, error: Exception | None, checkpoint: str, rebuilt_from: str) -> StreamFailed:
    """Give the failure of the stream `name` that has ended by `error` (None: nobody knows why).

    When Kafka no longer has the events that `checkpoint` (a folder below CHECKPOINT_DIR) expects, the text says what to
    do; `rebuilt_from` says what the stream's views are then made from.
    """
    text = str(error or "it was stopped")
    found = _LOST_OFFSETS.search(text)
    if found is None:
        return StreamFailed(f"the stream {name} has ended: {text}")
    lost = found["lost"] or found["ahead"] or found["unfetched"]
    return StreamFailed(
        f"the stream {name} has ended, for its checkpoint expects events that Kafka no longer has ({lost}): "
        f"stop the layer, delete CHECKPOINT_DIR/{checkpoint} and start the layer; "
        f"its views are rebuilt from {rebuilt_from}, see {HOW_TO}"
    )
