"""What the relay tells of the outbox, looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily

from cinematch.adapters.mongodb_outbox_watch import OutboxWatch
from cinematch.metrics.catalogue import OUTBOX_EVENTS, OUTBOX_SECONDS
from cinematch.metrics.instruments import gauge_family


class OutboxFigures:
    """How much waits in the outbox, and for how long. Raises StoreUnavailable when called."""

    def __init__(self, watch: OutboxWatch) -> None:
        self._watch = watch

    def __call__(self) -> Iterable[GaugeMetricFamily]:
        """Give both families."""
        state = self._watch.state()
        events, seconds = gauge_family(OUTBOX_EVENTS), gauge_family(OUTBOX_SECONDS)
        events.add_metric([], state.waiting)
        seconds.add_metric([], state.waited_seconds)
        return [events, seconds]
