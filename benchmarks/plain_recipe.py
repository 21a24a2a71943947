"""`python -m benchmarks.plain_recipe`: the micro-batch design written plainly, in one process without Spark.

For each event find the user's list and its films, compute with the same function, write the document.
"""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from cinematch.adapters import mongodb_client
from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.contracts.collections import MOVIES
from cinematch.contracts.event_codec import decode
from cinematch.readiness import announce_ready
from cinematch.settings import load_settings
from micro_batch.user_stats import compute_user_stats

PLAIN_STATS: Final = "plain_user_stats"


class PlainRecipe:
    """Recomputes one user at a time."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database
        self._catalog = Catalog(database)

    def recompute(self, user_id: str) -> None:
        """Write the user's document."""
        movies = list(self._database[MOVIES].find({"user_id": user_id}))
        stats = compute_user_stats(movies, self._catalog, {})
        document = {"user_id": user_id, "stats": stats, "last_updated": datetime.now(UTC)}
        self._database[PLAIN_STATS].replace_one({"_id": user_id}, document, upsert=True)


def main() -> None:
    """Recompute for each event that comes until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = load_settings()
    consumer = GroupConsumer(settings.kafka_bootstrap_servers, "plain-recipe", [settings.events_topic])
    with mongodb_client.connect(settings) as client:
        recipe = PlainRecipe(client[settings.mongodb_database])
        while not stop.is_set():
            for place in consumer.waiting():
                consumer.start(place, 0)
            for record in chain.from_iterable(consumer.poll(0.2).values()):
                recipe.recompute(decode(record.value).user_id)
                if stop.is_set():
                    break
            if consumer.assigned():
                announce_ready()
    consumer.close()


if __name__ == "__main__":
    main()
