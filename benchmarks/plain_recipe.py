"""`python -m benchmarks.plain_recipe`: the micro-batch design written plainly, in one process without Spark.

For each event find the user's list and its films, compute with the same function, write the document.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from benchmarks.consuming import polls
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.contracts.collections import MOVIES
from cinematch.contracts.event_codec import decode
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
    settings = load_settings()
    with mongodb_client.connect(settings) as client:
        recipe = PlainRecipe(client[settings.mongodb_database])
        for records in polls(settings, "plain-recipe"):
            for record in records:
                recipe.recompute(decode(record.value).user_id)


if __name__ == "__main__":
    main()
