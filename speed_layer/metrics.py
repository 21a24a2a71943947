"""What the speed layer tells of the readers who found a view broken, looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily

from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.metrics.catalogue import SPEED_REPAIRS
from cinematch.metrics.instruments import gauge_family


class RepairFigures:
    """How many users wait for a repair. Raises StoreUnavailable when called."""

    def __init__(self, boundaries: Boundaries) -> None:
        self._boundaries = boundaries

    def __call__(self) -> Iterable[GaugeMetricFamily]:
        """Give the family."""
        family = gauge_family(SPEED_REPAIRS)
        family.add_metric([], len(self._boundaries.repair_requests()))
        return [family]
