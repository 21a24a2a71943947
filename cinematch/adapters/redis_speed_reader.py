"""Reads users' speed views, asynchronously: for the serving layer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import NoScriptError

from cinematch.adapters.read_line import ReadLine
from cinematch.adapters.redis_client import AsyncRedisClient, is_damage, timed
from cinematch.adapters.redis_scripts import READ, Argument
from cinematch.adapters.redis_speed_snapshot import to_snapshot
from cinematch.contracts.redis_keys import user_keys
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import CineMatchError, DamagedView, StoreUnavailable


class RedisSpeedReader:
    """The reading side of `SpeedView`, over one node or a cluster; who comes at the same time shares a round trip."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self._client = client
        self._line = ReadLine(self._read_group)

    async def read(self, user_id: str) -> SpeedSnapshot | None:
        """Give the user's snapshot, read in one atomic call; None when there are no keys.

        Raises StoreUnavailable, and DamagedView.
        """
        return await self._line(user_id)

    async def _read_group(self, user_ids: Sequence[str]) -> dict[str, SpeedSnapshot | Exception | None]:
        """Read them together; of a cluster with a node that is away one by one, so that others do not pay for it."""
        try:
            return await self._read_together(user_ids)
        except StoreUnavailable:
            if len(user_ids) == 1 or not isinstance(self._client, RedisCluster):
                raise
        alone = await asyncio.gather(*(self._read_together([it]) for it in user_ids), return_exceptions=True)
        return {
            user_id: _raised(found) if isinstance(found, BaseException) else found[user_id]
            for user_id, found in zip(user_ids, alone, strict=True)
        }

    async def _read_together(self, user_ids: Sequence[str]) -> dict[str, SpeedSnapshot | Exception | None]:
        with timed(READ.name):
            answers = await self._pipelined([READ.command(user_keys(user_id), ()) for user_id in user_ids])
            if any(isinstance(answer, NoScriptError) for answer in answers):
                # A server that has just started: teach it the script by running its source.
                answers = await self._pipelined([READ.lesson(user_keys(user_id), ()) for user_id in user_ids])
            for answer in answers:
                if isinstance(answer, Exception) and not is_damage(answer):
                    raise answer
        return {user_id: _found(user_id, answer) for user_id, answer in zip(user_ids, answers, strict=True)}

    async def _pipelined(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers


def _raised(error: BaseException) -> Exception:
    """Give an error that is one user's; what ends a task ends the group."""
    if isinstance(error, Exception):
        return error
    raise error


def _found(user_id: str, answer: Any) -> SpeedSnapshot | Exception | None:
    if is_damage(answer):
        return DamagedView(user_id, str(answer))
    try:
        return to_snapshot(user_id, answer)
    except CineMatchError as error:
        return error
