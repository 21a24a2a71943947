"""Latencies in short."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles


def percentile(values: Sequence[float], share: int) -> float:
    """Give the value below which `share` percent (1 to 99) of the values lie; needs two values at least."""
    return quantiles(values, n=100, method="inclusive")[share - 1]
