"""The page of a process without an API: there when a port is set, whole also while a store is away."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from cinematch.errors import ConfigurationError, StoreUnavailable
from cinematch.local_stack.ports import free_port
from cinematch.metrics.catalogue import BATCH_USERS, OUTBOX_EVENTS
from cinematch.metrics.exposition import tell_metrics
from cinematch.metrics.instruments import gauge_family
from cinematch.settings import Settings


def three_waiting() -> Iterable[GaugeMetricFamily]:
    """A store that answers."""
    family = gauge_family(OUTBOX_EVENTS)
    family.add_metric([], 3)
    return [family]


def silent() -> Iterable[GaugeMetricFamily]:
    """A store that does not."""
    raise StoreUnavailable("mongodb", "silent")


def never_asked() -> Iterable[GaugeMetricFamily]:
    """A store that nobody may ask."""
    raise AssertionError(BATCH_USERS.name)


def test_figures_are_looked_up_when_asked_and_a_silent_store_takes_no_other_along() -> None:
    settings = Settings(metrics_port=free_port())
    tell_metrics(settings, silent, three_waiting)
    page = httpx.get(f"http://127.0.0.1:{settings.metrics_port}/metrics", trust_env=False).text
    assert "\ncinematch_outbox_lag_events 3.0\n" in page
    assert "process_cpu_seconds_total" in page


def test_a_process_with_figures_apart_tells_those() -> None:
    settings = Settings(metrics_port=free_port())
    tell_metrics(settings, three_waiting, registry=CollectorRegistry())
    page = httpx.get(f"http://127.0.0.1:{settings.metrics_port}/metrics", trust_env=False).text
    assert "\ncinematch_outbox_lag_events 3.0\n" in page
    assert "process_cpu_seconds_total" not in page


def test_without_a_port_nothing_is_told_and_nobody_asked() -> None:
    tell_metrics(Settings(metrics_port=0), never_asked)


def test_a_port_in_use_is_named() -> None:
    settings = Settings(metrics_port=free_port())
    tell_metrics(settings)
    with pytest.raises(ConfigurationError, match="METRICS_PORT"):
        tell_metrics(settings)
