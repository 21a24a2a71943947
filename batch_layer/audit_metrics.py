"""The last audits of answers in figures, found out from their records whenever somebody asks the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from cinematch.contracts.audit_record import AuditRecord
from cinematch.metrics.catalogue import AUDIT_AGE, AUDIT_DRIFT_AGE, AUDIT_USERS
from cinematch.metrics.instruments import gauge_family

OUTCOMES: Final = ("equal", "drift", "without_history", "unanswered")


class AuditFigures:
    """Collects the figures; none before the first audit. Raises StoreUnavailable."""

    def __init__(self, last: Callable[[], AuditRecord | None], last_drift: Callable[[], AuditRecord | None]) -> None:
        self._last = last
        self._last_drift = last_drift

    def __call__(self) -> Iterable[GaugeMetricFamily]:
        """Give them as of now. A drift has a figure of its own, for the next audit may come before anybody asks."""
        record, drift = self._last(), self._last_drift()
        if record is None:
            return []
        users, drift_age = gauge_family(AUDIT_USERS), gauge_family(AUDIT_DRIFT_AGE)
        for outcome in OUTCOMES:
            users.add_metric([outcome], getattr(record, outcome))
        if drift is not None:
            drift_age.add_metric([], _age(drift))
        age = gauge_family(AUDIT_AGE)
        age.add_metric([], _age(record))
        return [users, age, drift_age]


def _age(record: AuditRecord) -> float:
    return (datetime.now(UTC) - record.finished_at).total_seconds()
