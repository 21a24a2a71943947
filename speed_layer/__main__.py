"""The speed layer's process: settings, start, await."""

from __future__ import annotations

import signal
import threading

from cinematch.adapters import mongodb_client, redis_client, s3_lake
from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.kafka_view_lag import ViewLags
from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_heartbeats import heartbeat
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.otlp_spans import export_spans
from cinematch.adapters.redis_client import RedisClient
from cinematch.adapters.redis_heartbeat import RedisHeartbeat
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.companion import Companion
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.layers import Layer
from cinematch.failures import ending_in_a_sentence
from cinematch.metrics.exposition import tell_metrics
from cinematch.settings import Settings, SpeedTrigger, load_settings
from cinematch.spark.session import create_spark_session, is_local
from cinematch.telemetry import configure_logging
from speed_layer.applier import Applier
from speed_layer.delta_consumer import DeltaConsumer
from speed_layer.guardian import Guardian
from speed_layer.job import start_micro_batch, start_realtime
from speed_layer.metrics import RepairFigures
from speed_layer.operator_routes import Progress
from speed_layer.process import run
from speed_layer.repairs import Repairs


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "speed-layer")
    asked, stop = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        asked.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    watch = LogWatch(settings.kafka)
    progress = Progress(watch, settings)
    lags = ViewLags(watch, settings.events_topic, {"speed_layer": progress.reached})
    database = mongodb_client.connect(settings)[settings.mongodb_database]
    tell_metrics(settings, lags, RepairFigures(Boundaries(database)))
    partitions = settings.topic_partitions
    topics = (settings.events_topic, settings.speed_deltas_topic, settings.dead_letter_topic)
    ensure_topics(settings.kafka, dict.fromkeys(topics, partitions), settings.topic_retentions)
    redis = redis_client.connect(settings)
    guardian = _guardian(settings, redis)
    beat = heartbeat(database, Layer.SPEED_LAYER)
    companions = [Companion("heartbeat", beat.run, stop), Companion("guardian", guardian.run, stop)]
    if settings.speed_trigger is SpeedTrigger.MICRO_BATCH:
        spark = create_spark_session(settings, "speed_layer")
        stream = start_micro_batch(spark, settings, guardian.report_broken, stop)
    else:
        consumer = _delta_consumer(settings, redis, guardian)
        spark = create_spark_session(_with_a_slot_per_partition(settings), "speed_layer")
        stream = start_realtime(spark, settings)
        companions.append(Companion("deltas", consumer.run, stop))
    with beat.ended_if(asked):
        run(stream, companions, stop)
        spark.stop()


def _guardian(settings: Settings, redis: RedisClient) -> Guardian:
    database = mongodb_client.connect(settings)[settings.mongodb_database]
    boundaries = Boundaries(database)
    history = JoinedHistory(Outbox(database), s3_lake.connect(settings))
    view = RedisSpeedView(redis, settings.speed_idle_expiry_seconds)
    repairs = Repairs(view, boundaries, history)
    return Guardian(RedisHeartbeat(redis), repairs, boundaries, settings.speed_audit_seconds)


def _delta_consumer(settings: Settings, redis: RedisClient, guardian: Guardian) -> DeltaConsumer:
    servers = settings.kafka
    consumer = GroupConsumer(servers, settings.speed_consumer_group, [settings.speed_deltas_topic])
    view = RedisSpeedView(redis, settings.speed_idle_expiry_seconds)
    applier = Applier(view, DeadLetterOffice(servers, settings.dead_letter_topic))
    return DeltaConsumer(consumer, applier, guardian.report_broken)


def _with_a_slot_per_partition(settings: Settings) -> Settings:
    """In real-time mode a task holds its slot for ever; on a local master they cost next to nothing while they wait."""
    if not is_local(settings.spark_master_url):
        return settings
    return settings.model_copy(update={"spark_master_url": f"local[{settings.topic_partitions + 1}]"})


if __name__ == "__main__":
    with ending_in_a_sentence("speed_layer"):
        main()
