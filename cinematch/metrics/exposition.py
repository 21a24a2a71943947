"""The page on which each process tells its metrics and asks nobody who reads: http://METRICS_HOST:METRICS_PORT/metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector

from cinematch.errors import ConfigurationError, StoreUnavailable
from cinematch.settings import Settings
from cinematch.telemetry import get_logger

Collect = Callable[[], Iterable[MetricFamily]]
_log = get_logger(__name__)


def tell_metrics(settings: Settings, *collects: Collect, registry: CollectorRegistry = REGISTRY) -> None:
    """Serve the page from a thread of its own, for as long as the process lives; nothing happens without METRICS_PORT.

    `collects` find out further figures each time that somebody asks, and only then; they come in any thread, one at a
    time. One that raises StoreUnavailable has no figures this time. They join `registry`, whose figures are told: those
    of the process, unless it has some apart. Raises ConfigurationError for a port in use.
    """
    if not settings.metrics_port:
        return
    for collect in collects:
        registry.register(Collected(collect))
    try:
        start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        address = f"{settings.metrics_host}:{settings.metrics_port}"
        raise ConfigurationError(f"METRICS_PORT: nobody can listen on {address}: {error}") from error


class Collected(Collector):
    """A collector of prometheus_client around a function."""

    def __init__(self, collect: Collect) -> None:
        self._collect = collect

    def collect(self) -> Iterable[MetricFamily]:
        """Give the figures, or none while a store is away."""
        try:
            return list(self._collect())
        except StoreUnavailable as error:
            _log.debug("figures cannot be found out", reason=str(error))
            return []

    def describe(self) -> Iterable[MetricFamily]:
        """Give nothing: a registration must not ask the stores."""
        return []
