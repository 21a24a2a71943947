"""The micro-batch application: bootstrap, then two streams from one parsed event log, in one Spark session."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.adapters.mongodb_trends_bootstrap import TrendsBootstrap
from cinematch.companion import Companion, accompanied
from cinematch.settings import Settings
from cinematch.spark.kafka_source import parsed_stream
from cinematch.spark.stream_failure import stream_failed
from cinematch.spark.stream_figures import tell_streams
from micro_batch.bootstrap import bootstrap_global_stats
from micro_batch.catalog_follower import CatalogFollower
from micro_batch.global_trends_stream import start_global_trends_stream
from micro_batch.overdue_events import OverdueEvents, OverdueStores
from micro_batch.user_stats import UserStatsStores
from micro_batch.user_stats_stream import start_user_stats_stream

POLL_SECONDS: Final = 0.5
REBUILT_FROM: Final = "the lists and the outbox in MongoDB"
_WAITING: Final = ("Waiting for next trigger", "Waiting for data to arrive")


def prepare(client: SyncClient, settings: Settings) -> GlobalTrends:
    """Make MongoDB ready: collections, indexes, and the bootstrap of the trends. Raises StoreUnavailable."""
    ensure_schema(client[settings.mongodb_database])
    trends = GlobalTrends(client, settings.mongodb_database)
    bootstrap_global_stats(trends, TrendsBootstrap(client, settings.mongodb_database))
    return trends


@contextmanager
def running_streams(spark: SparkSession, settings: Settings, trends: GlobalTrends) -> Iterator[list[StreamingQuery]]:
    """Start both streams; stop them at the end."""
    tell_streams(spark)
    events = parsed_stream(spark, settings)
    streams = [start_user_stats_stream(events, settings=settings)]
    try:
        streams.append(start_global_trends_stream(spark, events, settings=settings, trends=trends))
        yield streams
    finally:
        for stream in streams:
            stream.stop()


@contextmanager
def running_companions(client: SyncClient, settings: Settings) -> Iterator[list[Companion]]:
    """Follow the catalog, and look after overdue events, beside the streams in the driver; stop at the end."""
    database = settings.mongodb_database
    follower = CatalogFollower(client[database], UserStatsStores.of(client, database))
    overdue = OverdueEvents(OverdueStores.of(client, database))
    with (
        accompanied("catalog follower", follower.run) as following,
        accompanied("overdue events", overdue.run) as looking,
    ):
        yield [following, looking]


def wait_running(streams: Sequence[StreamingQuery], stop: threading.Event) -> bool:
    """Wait until every stream has got through its first trigger; False at `stop`. Raises StreamFailed."""
    while not stop.is_set():
        check(streams)
        if all(map(_is_running, streams)):
            return True
        stop.wait(POLL_SECONDS)
    return False


def watch(streams: Sequence[StreamingQuery], companions: Sequence[Companion], stop: threading.Event) -> None:
    """Return at `stop`. None of these dies while the process lives on.

    Raises StreamFailed as soon as any stream has ended, or what ended a companion.
    """
    while not stop.wait(POLL_SECONDS):
        check(streams)
        for companion in companions:
            companion.check()


def check(streams: Sequence[StreamingQuery]) -> None:
    """Raise StreamFailed when a stream has ended."""
    for stream in streams:
        if not stream.isActive:
            raise stream_failed(stream.name, stream.exception(), f"micro_batch/{stream.name}", REBUILT_FROM)


def _is_running(stream: StreamingQuery) -> bool:
    return stream.lastProgress is not None or stream.status["message"] in _WAITING
