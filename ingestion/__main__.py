"""The relay's process: settings, start, await. `python -m ingestion`"""

from __future__ import annotations

import os
import secrets
import signal
import socket
from contextlib import closing
from threading import Event as StopSignal
from typing import Final

from cinematch.adapters.kafka_producer import EventPublisher
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_outbox_feed import open_feed
from cinematch.adapters.mongodb_outbox_watch import OutboxWatch
from cinematch.adapters.mongodb_schema import ensure_outbox_retention, ensure_schema
from cinematch.adapters.otlp_spans import export_spans
from cinematch.errors import StoreUnavailable
from cinematch.failures import ending_in_a_sentence
from cinematch.metrics.exposition import tell_metrics
from cinematch.process_memory import keep_what_is_loaded
from cinematch.readiness import announce_ready
from cinematch.settings import Settings, load_settings
from cinematch.telemetry import configure_logging, get_logger
from ingestion.metrics import OutboxFigures
from ingestion.relay import Relay
from ingestion.tenure import LEASE_NAME, LEASE_SECONDS, LeaseLost, Tenure

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 5.0
STANDBY_SECONDS: Final = 1.0

_log = get_logger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "relay")
    stop = StopSignal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with connect(settings) as client:
        tell_metrics(settings, OutboxFigures(OutboxWatch(client[settings.mongodb_database], LEASE_NAME)))
        run(client[settings.mongodb_database], settings, stop)


def run(database: SyncDatabase, settings: Settings, stop: StopSignal) -> None:
    """Relay until the signal to stop: run after run, with a pause after one that failed."""
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    tenure = Tenure(MongoLease(database, LEASE_NAME, owner, LEASE_SECONDS))
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        try:
            if tenure.begin():
                _relay(database, settings, tenure, stop)
                tenure.end()
            else:
                stop.wait(STANDBY_SECONDS)
            pause = FIRST_PAUSE_SECONDS
        except (StoreUnavailable, LeaseLost) as error:
            _log.warning("the relay starts again", reason=str(error), pause_seconds=pause)
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _relay(database: SyncDatabase, settings: Settings, tenure: Tenure, stop: StopSignal) -> None:
    ensure_schema(database)
    ensure_outbox_retention(database, settings.outbox_retention_days)
    publisher = EventPublisher(settings.kafka, settings.events_topic)
    with open_feed(database) as feed, closing(publisher):
        keep_what_is_loaded()
        announce_ready()
        ensure_topics(settings.kafka, {settings.events_topic: settings.topic_partitions}, settings.topic_retentions)
        _log.info("the relay is at work")
        Relay(feed, Outbox(database), publisher, tenure, stop).run()


if __name__ == "__main__":
    with ending_in_a_sentence("ingestion"):
        main()
