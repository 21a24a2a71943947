"""The model of micro-batch behind the scale table: a server that takes whatever waits as its next batch.

A batch of n events takes `fixed + each * n` seconds. At rate r the batches grow until one takes as long as the events
of the next need to arrive: T = fixed / (1 - r * each). An event waits for the rest of the batch before and for its own,
two of them at the most, and in any case for the trigger. From r = 1 / each on, the queue grows without end.

`steady_up_to` and `passed_at` need no model: they read measured points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product, takewhile
from typing import Final

GRID: Final = 12
"""Steps to either side of the best place so far."""
Point = tuple[float, float]
"""Rate in events a second, p99 (of the model in seconds)."""


@dataclass(frozen=True, slots=True)
class BatchServer:
    """Seconds of a batch and of each event in it; seconds between triggers."""

    fixed: float
    each: float
    trigger: float

    @property
    def greatest_rate(self) -> float:
        """Give the rate that it cannot take any more, in events a second."""
        return 1 / self.each

    def p99(self, rate: float) -> float:
        """Give the seconds within which 99 of 100 events are done; infinite beyond the greatest rate."""
        if rate >= self.greatest_rate:
            return math.inf
        batch = self.fixed / (1 - rate * self.each)
        return max(self.trigger, batch) + batch

    def rate_at(self, seconds: float) -> float | None:
        """Give the rate at which p99 comes to `seconds`; None when it is above them at any rate.

        p99 does not move while a batch is shorter than the trigger allows, so the greatest such rate is given.
        """
        if self.p99(0.0) > seconds:
            return None
        low, high = 0.0, self.greatest_rate
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self.p99(middle) <= seconds else (low, middle)
        return low


def fitted(points: Sequence[Point], trigger: float = 1.0) -> BatchServer:
    """Fit `fixed` and `each` to the points, by least squares of the logarithms. Raises ValueError for no point.

    Logarithms, for the points span decades. A grid over four decades is narrowed around its best place again and again.
    """
    if not points:
        raise ValueError("there is nothing to fit to")
    best, width = BatchServer(0.1, 0.001, trigger), 100.0
    while width > 1.001:
        factors = [width ** (step / GRID - 1) for step in range(2 * GRID + 1)]
        near = (BatchServer(best.fixed * one, best.each * other, trigger) for one, other in product(factors, factors))
        best = min(near, key=lambda server: _error(server, points))
        width **= 0.6
    return best


def steady_up_to(points: Sequence[Point], threshold: float) -> float:
    """Give the greatest measured rate up to which every p99 is below the threshold; 0 when the first is not."""
    rates = [rate for rate, _ in takewhile(lambda point: point[1] < threshold, sorted(points))]
    return rates[-1] if rates else 0.0


def passed_at(points: Sequence[Point], threshold: float) -> float | None:
    """Give the rate at which p99 comes to the threshold, interpolated between the two measured rates around it.

    By a straight line between the logarithms of both. 0 when the least measured rate is above the threshold already;
    None when no measured rate is.
    """
    ranked = sorted(points)
    if ranked and ranked[0][1] >= threshold:
        return 0.0
    for (rate, p99), (next_rate, next_p99) in pairwise(ranked):
        if next_p99 >= threshold:
            share = math.log(threshold / p99) / math.log(next_p99 / p99)
            return float(rate * (next_rate / rate) ** share)
    return None


def _error(server: BatchServer, points: Sequence[Point]) -> float:
    return sum(_distance(server.p99(rate), seconds) for rate, seconds in points)


def _distance(modelled: float, seconds: float) -> float:
    """An endless queue was watched for some seconds only: it counts as ten of them."""
    return math.log(min(modelled, 10.0) / min(seconds, 10.0)) ** 2
