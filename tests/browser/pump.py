"""What carries a page's changes to the speed view in tests: the outbox straight into Redis, without Kafka or Spark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cinematch.adapters import redis_client
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.event_codec import from_document
from cinematch.settings import Settings

PAUSE_SECONDS = 0.1
SPEED_VIEW_SECONDS = 3_600


@contextmanager
def pumping(settings: Settings) -> Iterator[None]:
    """Apply every event of the outbox, in order and again and again, until the block ends: repeats change nothing."""
    stop = threading.Event()
    thread = threading.Thread(target=_pump, args=(settings, stop), name="pump", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _pump(settings: Settings, stop: threading.Event) -> None:
    with connect(settings) as mongodb, redis_client.connect(settings) as redis:
        view = RedisSpeedView(redis, SPEED_VIEW_SECONDS)
        outbox = mongodb[settings.mongodb_database][OUTBOX]
        while not stop.wait(PAUSE_SECONDS):
            for document in outbox.find().sort([("user_id", 1), ("sequence", 1)]):
                event = from_document(document)
                view.apply({event.user_id: [event]})
