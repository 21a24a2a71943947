"""`python -m benchmarks.plain_consumer`: what the speed layer does, by a consumer group and a loop, without Spark."""

from __future__ import annotations

from benchmarks.consuming import polls
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.redis_client import connect
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.settings import load_settings
from speed_layer.applier import Applier, Arrival


def main() -> None:
    """Apply what comes until SIGTERM."""
    settings = load_settings()
    view = RedisSpeedView(connect(settings), settings.speed_idle_expiry_seconds)
    applier = Applier(view, DeadLetterOffice(settings.kafka_bootstrap_servers, settings.dead_letter_topic))
    for records in polls(settings, "plain-consumer"):
        applier.apply(map(Arrival, records))


if __name__ == "__main__":
    main()
