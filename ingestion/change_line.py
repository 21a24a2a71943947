"""The line in which changes wait until they are carried out, in groups.

While one group is at work, the next one gathers: alone, a change goes at once; when many come, or the machine is busy,
groups grow, and what a transaction costs is shared. A group has one change of a user at most, so a user's changes
happen in the order in which they came. Where a group fails because of one of its changes, each is carried out alone, so
nobody's change fails, or waits, for what another one does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

from cinematch.errors import StoreUnavailable

GROUP_CHANGES: Final = 64
"""Changes in one group: enough to make the cost of a transaction vanish, few enough to keep it short."""
PAUSE_SECONDS: Final = 0.01
"""Between two attempts at a change that somebody else was faster with; random, up to twice as much."""


class OfUser(Protocol):
    """A request to change one user's list."""

    @property
    def user_id(self) -> str: ...


Request = TypeVar("Request", bound=OfUser)
Reply = TypeVar("Reply")
CarryOut = Callable[[Sequence[Request]], Awaitable[Sequence[Reply | Exception]]]
"""Carries out a group: a reply, or an error, to each request. What it raises counts for the whole, which is undone."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Request, Reply]):
    request: Request
    reply: asyncio.Future[Reply]
    since: float


class ChangeLine(Generic[Request, Reply]):
    """The line of one process; for one event loop."""

    def __init__(
        self, carry_out: CarryOut[Request, Reply], overtaken: type[Exception], patience_seconds: float
    ) -> None:
        """`overtaken` is what `carry_out` raises where somebody else was faster: then it is worth another attempt.

        Whoever has waited for `patience_seconds` without having had a turn, or was overtaken for so long, is refused.
        """
        self._carry_out = carry_out
        self._overtaken = overtaken
        self._patience_seconds = patience_seconds
        self._waiting: list[_Waiting[Request, Reply]] = []
        self._at_work: set[str] = set()
        self._groups_at_work = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, request: Request) -> Reply:
        """Carry out one change. Raises what it is refused with, and StoreUnavailable: then it may have happened.

        Whoever stops waiting may have been too late to stop the change.
        """
        waiting: _Waiting[Request, Reply] = _Waiting(request, asyncio.get_running_loop().create_future(), monotonic())
        self._waiting.append(waiting)
        self._begin_groups()
        return await waiting.reply

    def _begin_groups(self) -> None:
        if not self._groups_at_work:
            self._groups_at_work = True
            self._begin(self._run_groups())

    async def _run_groups(self) -> None:
        """A group is drawn up here, so that it has whatever came in the same turn of the loop."""
        while group := self._next_group():
            await self._run_group(group)
        self._groups_at_work = False

    def _next_group(self) -> list[_Waiting[Request, Reply]]:
        """Take the first change of each user out of the line, but for users whose turn is not over."""
        group: dict[str, _Waiting[Request, Reply]] = {}
        rest: list[_Waiting[Request, Reply]] = []
        for waiting in filter(self._still_waits, self._waiting):
            user_id = waiting.request.user_id
            held = len(group) == GROUP_CHANGES or user_id in group or user_id in self._at_work
            if held:
                rest.append(waiting)
            else:
                group[user_id] = waiting
        self._waiting = rest
        self._at_work |= group.keys()
        return list(group.values())

    def _still_waits(self, waiting: _Waiting[Request, Reply]) -> bool:
        if not waiting.reply.done() and self._is_late(waiting):
            waiting.reply.set_exception(_too_long())
        return not waiting.reply.done()

    async def _run_group(self, group: Sequence[_Waiting[Request, Reply]]) -> None:
        try:
            replies = await self._carry_out([waiting.request for waiting in group])
        except StoreUnavailable as away:
            self._end(group, [away] * len(group))
        except Exception:  # noqa: BLE001 - one of them is to blame, and gets the error when it is alone
            for waiting in group:
                self._begin(self._run_alone(waiting))
        else:
            self._end(group, replies)

    async def _run_alone(self, waiting: _Waiting[Request, Reply]) -> None:
        self._end([waiting], [await self._alone(waiting)])
        self._begin_groups()

    async def _alone(self, waiting: _Waiting[Request, Reply]) -> Reply | Exception:
        while True:
            try:
                (reply,) = await self._carry_out([waiting.request])
            except self._overtaken:
                if self._is_late(waiting):
                    return _too_long()
                await asyncio.sleep(random.uniform(0, 2 * PAUSE_SECONDS))  # noqa: S311 - a pause
            except Exception as error:  # noqa: BLE001 - whoever waits for this change gets it
                return error
            else:
                return reply

    def _end(self, group: Sequence[_Waiting[Request, Reply]], replies: Sequence[Reply | Exception]) -> None:
        for waiting, reply in zip(group, replies, strict=True):
            self._at_work.discard(waiting.request.user_id)
            if waiting.reply.done():  # nobody waits any more
                continue
            if isinstance(reply, Exception):
                waiting.reply.set_exception(reply)
            else:
                waiting.reply.set_result(reply)

    def _is_late(self, waiting: _Waiting[Request, Reply]) -> bool:
        return monotonic() - waiting.since > self._patience_seconds

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, context=Context())  # a group is nobody's request
        self._tasks.add(task)  # the loop itself would not keep it
        task.add_done_callback(self._tasks.discard)


def _too_long() -> StoreUnavailable:
    return StoreUnavailable("mongodb", "the changes before this one take too long")
