"""`python -m benchmarks.plain_consumer`: what the speed layer does, by a consumer group and a loop, without Spark."""

from __future__ import annotations

import signal
import threading
from itertools import chain

from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.redis_client import connect
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.readiness import announce_ready
from cinematch.settings import load_settings
from speed_layer.applier import Applier, Arrival


def main() -> None:
    """Apply what comes until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = load_settings()
    consumer = GroupConsumer(settings.kafka_bootstrap_servers, "plain-consumer", [settings.events_topic])
    view = RedisSpeedView(connect(settings), settings.speed_idle_expiry_seconds)
    applier = Applier(view, DeadLetterOffice(settings.kafka_bootstrap_servers, settings.dead_letter_topic))
    while not stop.is_set():
        for place in consumer.waiting():
            consumer.start(place, 0)
        polled = consumer.poll(0.2)
        applier.apply(map(Arrival, chain.from_iterable(polled.values())))
        if consumer.assigned():
            announce_ready()
    consumer.close()


if __name__ == "__main__":
    main()
