"""The last audit of answers in figures, found out from its record whenever somebody asks the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from cinematch.contracts.audit_record import AuditRecord
from cinematch.metrics.catalogue import AUDIT_AGE, AUDIT_USERS
from cinematch.metrics.instruments import gauge_family

OUTCOMES: Final = ("equal", "drift", "without_history", "unanswered")


class AuditFigures:
    """Collects the figures; none before the first audit. Raises StoreUnavailable."""

    def __init__(self, last: Callable[[], AuditRecord | None]) -> None:
        self._last = last

    def __call__(self) -> Iterable[GaugeMetricFamily]:
        """Give them as of now."""
        record = self._last()
        if record is None:
            return []
        users, age = gauge_family(AUDIT_USERS), gauge_family(AUDIT_AGE)
        for outcome in OUTCOMES:
            users.add_metric([outcome], getattr(record, outcome))
        age.add_metric([], (datetime.now(UTC) - record.finished_at).total_seconds())
        return [users, age]
