"""The line in which single reads wait until they are carried out, in groups.

A call to a store costs its client far more than one more key in it. So what is asked for while a group is at work
makes the next group: alone, a read goes at once; when many come, or the machine is busy, groups grow and the cost of a
call is shared. No read joins a group that has begun, so each sees all that was written before it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar

GROUP_KEYS: Final = 64
"""In one group: enough to make the cost of a call vanish, few enough to keep it short."""

Found = TypeVar("Found")
ReadGroup = Callable[[Sequence[str]], Awaitable[Mapping[str, Found | Exception]]]
"""Reads several keys at once: what was found, or an error, for each. What it raises counts for the whole group."""


class ReadLine(Generic[Found]):
    """The line of one process in front of one store; for one event loop."""

    def __init__(self, read_group: ReadGroup[Found]) -> None:
        self._read_group = read_group
        self._waiting: dict[str, list[asyncio.Future[Found]]] = {}
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, key: str) -> Found:
        """Read one key, some others with it. Raises what its reading ended with.

        A group that hangs keeps those behind it waiting: at most twice as long as the store's own time limit.
        """
        reply: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(reply)
        if self._work is None:
            # Begins in the next turn of the event loop, so what comes in this one is in the first group.
            self._work = asyncio.get_running_loop().create_task(self._run(), context=Context())  # nobody's request
        return await reply

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._next_group())
        finally:
            self._work = None

    def _next_group(self) -> dict[str, list[asyncio.Future[Found]]]:
        if len(self._waiting) <= GROUP_KEYS:
            group, self._waiting = self._waiting, {}
            return group
        return {key: self._waiting.pop(key) for key in list(self._waiting)[:GROUP_KEYS]}

    async def _answer(self, group: Mapping[str, Sequence[asyncio.Future[Found]]]) -> None:
        found: Mapping[str, Found | Exception]
        try:
            found = await self._read_group(list(group))
        except Exception as error:  # noqa: BLE001 - those who wait get it
            found = dict.fromkeys(group, error)
        for key, replies in group.items():
            for reply in replies:
                _give(reply, found[key])


def _give(reply: asyncio.Future[Found], found: Found | Exception) -> None:
    if reply.done():  # nobody waits any more
        return
    if isinstance(found, Exception):
        reply.set_exception(found)
    else:
        reply.set_result(found)
