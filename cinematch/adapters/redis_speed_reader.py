"""Reads one user's speed view, asynchronously: for the serving layer."""

from __future__ import annotations

from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from cinematch.adapters.redis_client import AsyncRedisClient, is_damage, timed
from cinematch.adapters.redis_scripts import READ
from cinematch.adapters.redis_speed_snapshot import to_snapshot
from cinematch.contracts.redis_keys import user_keys
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import DamagedView


class RedisSpeedReader:
    """The reading side of `SpeedView`, over one node or a cluster."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self._client = client

    async def read(self, user_id: str) -> SpeedSnapshot | None:
        """Give the user's snapshot in one atomic round trip; None when there are no keys.

        Raises StoreUnavailable, and DamagedView.
        """
        keys = user_keys(user_id)
        with timed(READ.name):
            try:
                answer = await self._run(keys)
            except ResponseError as error:
                if is_damage(error):
                    raise DamagedView(user_id, str(error)) from error
                raise
        return to_snapshot(user_id, answer)

    async def _run(self, keys: tuple[str, ...]) -> Any:
        try:
            return await self._client.execute_command(*READ.command(keys, ()))
        except NoScriptError:  # a server that has just started: teach it the script by running its source
            return await self._client.execute_command("EVAL", READ.source, len(keys), *keys)
