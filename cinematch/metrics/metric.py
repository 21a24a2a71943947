"""What is known of a metric before anybody measures it: name, kind, unit, meaning, labels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "cinematch_"


class Kind(StrEnum):
    """How a metric behaves; Prometheus's own kinds."""

    COUNTER = "counter"  # only rises while the process lives; its name ends in _total
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Unit(StrEnum):
    """What one is one of."""

    ANSWERS = "answers"
    BYTES = "bytes"
    ERRORS = "errors"
    EVENTS = "events"
    EVENTS_PER_SECOND = "events/s"
    FILMS = "films"
    GENERATION = "generation number"
    OBJECTS = "objects"
    RECORDS = "records"
    RECORDS_PER_SECOND = "records/s"
    REPAIRS = "repairs"
    REQUESTS = "requests"
    RUNS = "runs"
    SECONDS = "seconds"
    TIME = "seconds since 1970"
    USERS = "users"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `layers` tell it on their page; `buckets`, in its unit, are a histogram's upper bounds."""

    name: str
    kind: Kind
    unit: Unit
    meaning: str
    layers: tuple[str, ...]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what Prometheus's naming conventions would refuse."""
        if not self.name.startswith(PREFIX):
            raise ValueError(f"{self.name} does not begin with {PREFIX}")
        if (self.kind is Kind.COUNTER) != self.name.endswith("_total"):
            raise ValueError(f"{self.name}: _total ends the names of counters, and of nothing else")
        if (self.kind is Kind.HISTOGRAM) != bool(self.buckets):
            raise ValueError(f"{self.name}: a histogram has buckets, and nothing else has")
