"""The lag of a layer's views as metrics: looked up in Kafka when somebody asks, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily

from cinematch.adapters.kafka_log_watch import LogWatch, Offsets
from cinematch.metrics.catalogue import VIEW_EVENTS, VIEW_SECONDS
from cinematch.metrics.instruments import gauge_family

Reached = Callable[[], Offsets | None]
"""Tells the offsets of the event log behind what is in a view; None when this process cannot know."""


class ViewLags:
    """Compares each view, by its name, with the end of the event log. Raises StoreUnavailable when called."""

    def __init__(self, watch: LogWatch, topic: str, views: Mapping[str, Reached]) -> None:
        self._watch = watch
        self._topic = topic
        self._views = views

    def __call__(self) -> Iterable[GaugeMetricFamily]:
        """Give both families; a view whose place nobody knows has no figure."""
        events, seconds = gauge_family(VIEW_EVENTS), gauge_family(VIEW_SECONDS)
        for name, tell_reached in self._views.items():
            reached = tell_reached()
            if reached is not None:
                lag = self._watch.lag(self._topic, reached)
                events.add_metric([name], lag.events)
                seconds.add_metric([name], lag.seconds)
        return [events, seconds]
