"""The process of the micro-batch design: settings, start, await.

It ends with code 0 after SIGTERM or SIGINT. It ends with code 1 as soon as a store or a stream fails, and whoever
supervises it starts it again: the streams go on from their checkpoints, and a repeated micro-batch changes nothing.
"""

from __future__ import annotations

import signal
import threading
from functools import partial

from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.kafka_view_lag import ViewLags
from cinematch.adapters.mongodb_client import SyncClient, connect
from cinematch.adapters.mongodb_heartbeats import heartbeat
from cinematch.companion import Companion, accompanied
from cinematch.contracts.layers import Layer
from cinematch.failures import ending_in_a_sentence
from cinematch.metrics.exposition import tell_metrics
from cinematch.readiness import announce_ready
from cinematch.settings import Settings, load_settings
from cinematch.spark.checkpoint import committed_offsets
from cinematch.spark.session import create_spark_session
from cinematch.telemetry import configure_logging
from micro_batch import global_trends_stream, job, user_stats_stream


def main() -> None:
    """Run until a signal; one of our own errors ends it earlier."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    tell_metrics(settings, _lags(settings))
    _run(settings, stop)


def _lags(settings: Settings) -> ViewLags:
    folder = settings.checkpoint_dir / "micro_batch"
    names = (user_stats_stream.NAME, global_trends_stream.NAME)
    watch = LogWatch(settings.kafka)
    return ViewLags(watch, settings.events_topic, {name: partial(committed_offsets, folder / name) for name in names})


def _run(settings: Settings, stop: threading.Event) -> None:
    with connect(settings) as client:
        beat = heartbeat(client[settings.mongodb_database], Layer.MICRO_BATCH)
        with beat.ended_if(stop), accompanied("heartbeat", beat.run) as beating:
            _work(client, settings, beating, stop)


def _work(client: SyncClient, settings: Settings, beating: Companion, stop: threading.Event) -> None:
    trends = job.prepare(client, settings)
    spark = create_spark_session(settings, "micro_batch")
    try:
        with (
            job.running_streams(spark, settings, trends) as streams,
            job.running_companions(client, settings) as companions,
        ):
            if job.wait_running(streams, stop):
                announce_ready()
            job.watch(streams, [*companions, beating], stop)
    finally:
        spark.stop()


if __name__ == "__main__":
    with ending_in_a_sentence("micro_batch"):
        main()
