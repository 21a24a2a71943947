"""Latencies in short."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles


def summary(milliseconds: Sequence[float]) -> dict[str, float | int]:
    """Give count, p50, p95, p99 and the greatest, in milliseconds with one decimal; needs two values at least."""
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return {
        "count": len(milliseconds),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(max(milliseconds), 1),
    }
