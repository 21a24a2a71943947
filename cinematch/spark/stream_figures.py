"""What Spark tells of its streaming queries, as metrics of the process that runs them.

Spark reports after each batch (real-time mode: after each checkpoint), in a thread of its own; the figures are those of
the last report, and what it does not say stays as it was. Not guaranteed: that a report comes at all. A query that
hangs reports nothing; the lag of its view, which others look up in Kafka, shows it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

import orjson
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
    StreamingQueryProgress,
)

from cinematch.metrics.catalogue import (
    STREAM_INPUT_RATE,
    STREAM_LAG_EVENTS,
    STREAM_LAG_SECONDS,
    STREAM_PHASE_SECONDS,
    STREAM_PROCESSED_RATE,
    STREAM_ROWS,
    STREAM_RUNNING,
    STREAM_STATE_ROWS,
    STREAMS_TERMINATED,
)
from cinematch.metrics.instruments import counter, gauge, histogram
from cinematch.telemetry import get_logger

UNNAMED: Final = "unnamed"
_listened: WeakSet[SparkSession] = WeakSet()
_log = get_logger(__name__)


def tell_streams(spark: SparkSession) -> None:
    """Measure all queries that this session starts from now on; asked again, nothing changes."""
    if spark not in _listened:
        spark.streams.addListener(StreamFigures())
        _listened.add(spark)


class StreamFigures(StreamingQueryListener):
    """Turns Spark's reports into metrics, by the name of the query."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._names: dict[str, str] = {}
        self._caught_up_at: dict[str, float] = {}
        self._behind: set[str] = set()

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 - Spark's name
        """Note the name: the end of a query is told by its id alone."""
        name = event.name or UNNAMED
        self._names[str(event.runId)] = name
        self._caught_up_at[name] = self._clock()
        gauge(STREAM_RUNNING).labels(name).set(1)
        gauge(STREAM_LAG_SECONDS).labels(name).set_function(lambda: self._lag_seconds(name))
        for outcome in ("stopped", "failed"):
            counter(STREAMS_TERMINATED).labels(name, outcome)

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802 - Spark's name
        """Take the figures of one batch."""
        self.take(event.progress)

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802 - Spark's name
        """Nothing came in: the query has all that there is."""
        name = self._names.get(str(event.runId), UNNAMED)
        self._stands(name, 0)

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802 - Spark's name
        """Count the end, by whether it was an error's doing."""
        name = self._names.pop(str(event.runId), UNNAMED)
        outcome = "failed" if event.exception else "stopped"
        counter(STREAMS_TERMINATED).labels(name, outcome).inc()
        gauge(STREAM_RUNNING).labels(name).set(0)
        _log.info("a stream has ended", stream=name, outcome=outcome)

    def take(self, progress: StreamingQueryProgress) -> None:
        """Take the figures of one report."""
        name = progress.name or UNNAMED
        counter(STREAM_ROWS).labels(name).inc(max(0, progress.numInputRows))
        _set(STREAM_INPUT_RATE, name, progress.inputRowsPerSecond)
        _set(STREAM_PROCESSED_RATE, name, progress.processedRowsPerSecond)
        gauge(STREAM_STATE_ROWS).labels(name).set(sum(each.numRowsTotal for each in progress.stateOperators))
        for phase, milliseconds in progress.durationMs.items():
            histogram(STREAM_PHASE_SECONDS).labels(name, phase).observe(milliseconds / 1000)
        behind = [_behind(source.endOffset, source.latestOffset) for source in progress.sources]
        if behind and None not in behind:
            self._stands(name, sum(each or 0 for each in behind))

    def _stands(self, name: str, behind: int) -> None:
        gauge(STREAM_LAG_EVENTS).labels(name).set(behind)
        if behind:
            self._behind.add(name)
        else:
            self._behind.discard(name)
            self._caught_up_at[name] = self._clock()

    def _lag_seconds(self, name: str) -> float:
        return max(0.0, self._clock() - self._caught_up_at[name]) if name in self._behind else 0.0


def _set(metric: Any, name: str, figure: float | None) -> None:
    if figure is not None and math.isfinite(figure):
        gauge(metric).labels(name).set(figure)


def _behind(end: str | None, latest: str | None) -> int | None:
    """Give how many records lie between the end of a batch and that of the log; None where Spark does not say."""
    ends, latests = _offsets(end), _offsets(latest)
    if ends is None or latests is None:
        return None
    return sum(max(0, offset - ends.get(place, 0)) for place, offset in latests.items())


def _offsets(text: str | None) -> dict[tuple[str, str], int] | None:
    try:
        topics: dict[str, dict[str, int]] = orjson.loads(text or "")
        return {(topic, place): offset for topic, places in topics.items() for place, offset in places.items()}
    except (ValueError, AttributeError):
        return None
