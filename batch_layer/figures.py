"""Tells the figures of nights and audits, without which nobody is warned of a night that failed.

The scheduler does so where it runs. Where another one starts the commands (Kubernetes, cron), `cinematch batch metrics`
does. Both look at the records in MongoDB when they are asked, so they tell the same, whoever did the work.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from batch_layer.audit_metrics import AuditFigures
from batch_layer.exclusion import LEASE_NAME
from batch_layer.metrics import BatchFigures, Moment
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.exclusion import new_owner
from cinematch.errors import ConfigurationError
from cinematch.metrics.exposition import tell_metrics
from cinematch.settings import Settings


def tell_figures(settings: Settings, database: SyncDatabase, next_run: Callable[[], Moment]) -> None:
    """Serve them from a thread, for as long as the process lives. Raises ConfigurationError for a port in use."""
    lease = MongoLease(database, LEASE_NAME, new_owner(), settings.batch_lease_seconds)  # only looked at
    batch = BatchFigures(MongoGenerations(database), lease, next_run)
    audits = Audits(database)
    tell_metrics(settings, batch, AuditFigures(audits.last, audits.last_drift))


def tell_until_stopped(settings: Settings) -> None:
    """Serve them until SIGTERM or Ctrl-C; when the next run begins is the other scheduler's to know.

    Raises ConfigurationError where there is no port, or one in use.
    """
    if not settings.metrics_port:
        raise ConfigurationError("METRICS_PORT=0: set the port on which the figures are to be told")
    over = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: over.set())
    with mongodb_client.connect(settings) as client:
        tell_figures(settings, client[settings.mongodb_database], lambda: None)
        over.wait()
