"""The instruments of this process, made of the list of metrics when they are first asked for.

A module keeps its instruments as constants, and those without labels are told from then on, as 0. With labels, keep
what `labels(...)` gave where a request waits: the look-up takes longer than the counting.
"""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from cinematch.metrics.metric import Kind, Metric


@cache
def counter(metric: Metric) -> Counter:
    """Give the process's counter. Raises ValueError when the metric is of another kind."""
    _expect(metric, Kind.COUNTER)
    return Counter(metric.name, metric.meaning, metric.labels)


@cache
def gauge(metric: Metric) -> Gauge:
    """Give the process's gauge. Raises ValueError when the metric is of another kind."""
    _expect(metric, Kind.GAUGE)
    return Gauge(metric.name, metric.meaning, metric.labels)


@cache
def histogram(metric: Metric) -> Histogram:
    """Give the process's histogram. Raises ValueError when the metric is of another kind."""
    _expect(metric, Kind.HISTOGRAM)
    return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets)


def gauge_family(metric: Metric) -> GaugeMetricFamily:
    """Give an empty family for a collector, which finds out its figures whenever somebody asks."""
    _expect(metric, Kind.GAUGE)
    return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def _expect(metric: Metric, kind: Kind) -> None:
    if metric.kind is not kind:
        raise ValueError(f"{metric.name} is a {metric.kind}, not a {kind}")
