"""The lake sink's process: settings, start, await."""

from __future__ import annotations

import signal
import threading

from cinematch.adapters import s3_objects
from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.kafka_view_lag import ViewLags
from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.errors import StoreUnavailable
from cinematch.failures import ending_in_a_sentence
from cinematch.metrics.exposition import tell_metrics
from cinematch.readiness import announce_ready
from cinematch.settings import Settings, load_settings
from cinematch.telemetry import configure_logging, get_logger
from data_lake.backoff import Backoff
from data_lake.record_batch import BatchLimits
from data_lake.sink import LakeSink, Shelf
from data_lake.tables import DeadLettersTable, EventsTable, LakeTable


def main() -> None:
    """Run until SIGTERM or SIGINT; what is held is flushed then."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tell_metrics(settings, _lags(settings))
    sink = _start(settings, stop)
    if sink is not None:
        announce_ready()
        sink.run(stop)


def _lags(settings: Settings) -> ViewLags:
    watch, topic = LogWatch(settings.kafka), settings.events_topic
    return ViewLags(watch, topic, {"data_lake": lambda: watch.committed(settings.lake_consumer_group, topic)})


def _start(settings: Settings, stop: threading.Event) -> LakeSink | None:
    """Connect, as soon as Kafka and S3 are there; None when we are to stop before that."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            return _sink(settings)
        except StoreUnavailable as error:
            get_logger(__name__).warning("the lake sink cannot start yet", reason=str(error))
            stop.wait(backoff.fail())
    return None


def _sink(settings: Settings) -> LakeSink:
    key, secret = settings.s3_access_key_id.get_secret_value(), settings.s3_secret_access_key.get_secret_value()
    bucket = (settings.lake_bucket, settings.s3_ca_file, settings.s3_region)
    ensure_bucket(settings.s3_endpoint_url, key, secret, *bucket)
    topics = {settings.events_topic: settings.topic_partitions, settings.dead_letter_topic: 1}
    ensure_topics(settings.kafka, topics, settings.topic_retentions)
    dead_letters = DeadLetterOffice(settings.kafka, settings.dead_letter_topic)
    tables: dict[str, LakeTable] = {
        settings.events_topic: EventsTable(),
        settings.dead_letter_topic: DeadLettersTable(),
    }
    objects = s3_objects.connect(settings)
    shelves = {topic: Shelf(table, LakeFolder(objects, table.folder)) for topic, table in tables.items()}
    consumer = GroupConsumer(settings.kafka, settings.lake_consumer_group, tables)
    limits = BatchLimits(settings.lake_flush_events, settings.lake_flush_bytes, settings.lake_flush_seconds)
    return LakeSink(consumer, shelves, dead_letters, limits)


if __name__ == "__main__":
    with ending_in_a_sentence("data_lake"):
        main()
