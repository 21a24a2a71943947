"""`python -m batch_layer`: the scheduler of batch, compaction and audit."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from typing import Final

from batch_layer.failed_night import FailedNights
from batch_layer.figures import tell_figures
from batch_layer.schedule import ScheduledWork, next_batch, scheduled
from batch_layer.scheduled_command import AUDIT, BATCH, COMPACTION, ScheduledCommand
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_heartbeats import heartbeat
from cinematch.companion import accompanied
from cinematch.contracts.layers import Layer
from cinematch.failures import ending_in_a_sentence
from cinematch.readiness import announce_ready
from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging

CHECK_SECONDS: Final = 1.0


def main() -> int:
    """Keep the schedule until SIGTERM or Ctrl-C."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    over = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: over.set())
    with mongodb_client.connect(settings) as client:
        database = client[settings.mongodb_database]
        generations = MongoGenerations(database)
        failed_nights = FailedNights(generations)
        batch, compaction = ScheduledCommand(BATCH, failed_nights.record), ScheduledCommand(COMPACTION)
        audit = ScheduledCommand(AUDIT)
        scheduler = scheduled(settings, generations, ScheduledWork(batch.run, compaction.run, audit.run))
        scheduler.start()
        tell_figures(settings, database, partial(next_batch, scheduler))
        beat = heartbeat(database, Layer.BATCH_LAYER)
        with beat.ended_if(over):
            with accompanied("heartbeat", beat.run) as beating:
                announce_ready()
                while not over.wait(CHECK_SECONDS):
                    beating.check()
            for part in (failed_nights, batch, compaction, audit):
                part.stop()
            scheduler.shutdown()
    return 0


if __name__ == "__main__":
    with ending_in_a_sentence("batch_layer"):
        sys.exit(main())
