"""Erasure in Redis: the speed view and the cached statistics.

What comes once more later (a replayed stream) begins a view anew. The guardian removes that within a second, or with
its next audit, where the speed layer was killed in that second.
"""

from __future__ import annotations

from cinematch.adapters import redis_client
from cinematch.adapters.redis_client import RedisClient
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.redis_stats_cache import forget_cached
from cinematch.contracts.erasure import Erasure, Removed
from cinematch.settings import Settings


class SpeedEraser:
    """Removes a user's keys, or what lies in them up to the floor."""

    def __init__(self, client: RedisClient, settings: Settings) -> None:
        self._client = client
        self._view = RedisSpeedView(client, settings.speed_idle_expiry_seconds)

    def erase(self, erasure: Erasure) -> Removed:
        """Remove it; see `Eraser`."""
        views = self._view.forget({erasure.subject: erasure.floor})
        return Removed({"speed_views": views, "cached_answers": forget_cached(self._client, erasure.subject)})


def eraser(settings: Settings) -> SpeedEraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    return SpeedEraser(redis_client.connect(settings), settings)
