"""The speed view on Redis, one node or a cluster: every change of a user is one atomic server-side call.

Calls are pipelined in order; a user's keys share a slot, so a cluster too runs one user's calls in that order. Every
call may be repeated, so a pipeline that broke half-way is simply run again by the caller.

Nothing that a user's keys hold stops the calls of other users. Damaged keys (of another type, a field that is no
number) are removed, and the calls run again without them: what was in them is then missing, as after any other loss,
and is put back from the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from redis.exceptions import NoScriptError

from cinematch.adapters.redis_client import RedisClient, is_damage, timed, translated_errors
from cinematch.adapters.redis_scripts import ADVANCE, APPLY, FORGET, READ, REPLACE, Argument, Script
from cinematch.adapters.redis_speed_snapshot import to_snapshot
from cinematch.contracts import speed_entry
from cinematch.contracts.redis_keys import SPEED_KEYS, user_keys, user_of
from cinematch.contracts.speed_view import Applied, SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.errors import DamagedView
from cinematch.side_by_side import side_by_side
from cinematch.telemetry import get_logger

EVENTS_PER_CALL: Final = 500
"""A call blocks its server for about 10 microseconds an event: 5 ms at most."""
CALLS_PER_PIPELINE: Final = 200
SCAN_COUNT: Final = 1_000

Item = TypeVar("Item")
_log = get_logger(__name__)


class _Call(NamedTuple):
    user_id: str
    arguments: tuple[Argument, ...]


class RedisSpeedView:
    """`SpeedView` over a client that answers bytes."""

    def __init__(self, client: RedisClient, idle_expiry_seconds: float) -> None:
        self._client = client
        self._idle_milliseconds = round(idle_expiry_seconds * 1000)

    def apply(self, events: Mapping[str, Sequence[Event]]) -> dict[str, Applied]:
        """See `SpeedView.apply`."""
        calls = [
            _Call(user_id, tuple(map(speed_entry.encode, part)))
            for user_id, sequence in events.items()
            for part in _parts(sequence, EVENTS_PER_CALL)
        ]
        outcomes: dict[str, Applied] = {}
        for call, answer in zip(calls, self._run(APPLY, calls), strict=True):
            outcomes[call.user_id] = _joined(outcomes.get(call.user_id), *map(int, answer.split()))
        return outcomes

    def read(self, user_id: str) -> SpeedSnapshot | None:
        """See `SpeedView.read`. Raises DamagedView as well."""
        call = _Call(user_id, ())
        with timed(READ.name):
            (answer,) = self._taught(READ, [call])
            if is_damage(answer):
                raise DamagedView(user_id, str(answer))
            _raise_first([answer])
        return to_snapshot(user_id, answer)

    def boundaries(self, user_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """See `SpeedView.boundaries`."""
        found: dict[str, tuple[int, int]] = {}
        for part in _parts(user_ids, CALLS_PER_PIPELINE):
            with timed("boundaries"), self._client.pipeline(transaction=False) as pipeline:
                for user_id in part:
                    pipeline.hmget(user_keys(user_id).speed, ["base_sequence", "last_sequence"])
                answers = pipeline.execute(raise_on_error=False)
            found |= {user_id: ends for user_id, answer in zip(part, answers, strict=True) if (ends := _ends(answer))}
        return found

    def advance(self, boundaries: Mapping[str, int]) -> None:
        """See `SpeedView.advance`."""
        idle = self._idle_milliseconds
        self._run(ADVANCE, [_Call(user_id, (idle, boundary)) for user_id, boundary in boundaries.items()])

    def forget(self, floors: Mapping[str, int]) -> int:
        """See `SpeedView.forget`."""
        removed = self._run(FORGET, [_Call(user_id, (floor,)) for user_id, floor in floors.items()])
        self.advance(floors)
        return sum(map(bool, removed))

    def replace(self, user_id: str, base_sequence: int, events: Sequence[Event]) -> None:
        """See `SpeedView.replace`."""
        if [event.sequence for event in events] != list(range(base_sequence + 1, base_sequence + 1 + len(events))):
            raise ValueError(f"the events after {base_sequence} of user {user_id!r} have a gap")
        entries = map(speed_entry.encode, events)
        self._run(REPLACE, [_Call(user_id, (self._idle_milliseconds, base_sequence, *entries))])

    def users(self) -> Iterator[str]:
        """See `SpeedView.users`; scans every primary of a cluster."""
        with translated_errors():
            for key in self._client.scan_iter(match=SPEED_KEYS, count=SCAN_COUNT):
                yield user_of(key.decode())

    def _run(self, script: Script, calls: Sequence[_Call]) -> list[Any]:
        """Run a script that writes; removes the keys that it cannot work with.

        Many calls go in two lanes: a pipeline of one is packed while the server works on one of the other.
        """
        if len(calls) <= CALLS_PER_PIPELINE:
            return self._in_turn(script, calls)
        return [*chain.from_iterable(side_by_side(partial(self._in_turn, script), _lanes(calls), at_once=2))]

    def _in_turn(self, script: Script, calls: Sequence[_Call]) -> list[Any]:
        answers: list[Any] = []
        for part in _parts(calls, CALLS_PER_PIPELINE):
            with timed(script.name):
                answers += self._healed(script, part)
        return answers

    def _healed(self, script: Script, calls: Sequence[_Call]) -> list[Any]:
        answers = self._taught(script, calls)
        damaged = {call.user_id for call, answer in zip(calls, answers, strict=True) if is_damage(answer)}
        if damaged:
            _log.warning("damaged speed views are removed", users=sorted(damaged))
            for user_id in damaged:
                self._client.delete(*user_keys(user_id))
            again = [index for index, call in enumerate(calls) if call.user_id in damaged]
            _replace(answers, again, self._taught(script, [calls[index] for index in again]))
        _raise_first(answers)
        return answers

    def _taught(self, script: Script, calls: Sequence[_Call]) -> list[Any]:
        answers = self._pipelined(script, calls)
        refused = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if refused:  # by a server that has just started
            self._client.script_load(script.source)
            _replace(answers, refused, self._pipelined(script, [calls[index] for index in refused]))
        return answers

    def _pipelined(self, script: Script, calls: Sequence[_Call]) -> list[Any]:
        calls_of = Counter(call.user_id for call in calls)
        with self._client.pipeline(transaction=False) as pipeline:
            for call in calls:
                # Of a user's calls none may be refused and the next one run, which somebody else has taught meanwhile.
                write = script.lesson if calls_of[call.user_id] > 1 else script.command
                # Not `evalsha`: the driver refuses that method in a cluster's pipeline, but routes the command by key.
                pipeline.execute_command(*write(user_keys(call.user_id), call.arguments))
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers


def _lanes(calls: Sequence[_Call]) -> tuple[Sequence[_Call], Sequence[_Call]]:
    """Cut calls into two halves. A user's calls, which are neighbours, stay together, for they must run in order."""
    middle = len(calls) // 2
    while middle < len(calls) and calls[middle].user_id == calls[middle - 1].user_id:
        middle += 1
    return calls[:middle], calls[middle:]


def _ends(answer: Any) -> tuple[int, int] | None:
    """Give base_sequence and last_sequence; None where a view is not there, or damaged."""
    if is_damage(answer):
        return None
    _raise_first([answer])
    try:
        base, last = map(int, answer)
    except (TypeError, ValueError):
        return None
    return base, last


def _replace(answers: list[Any], indices: Sequence[int], later: Sequence[Any]) -> None:
    for index, answer in zip(indices, later, strict=True):
        answers[index] = answer


def _raise_first(answers: Iterable[Any]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer


def _joined(before: Applied | None, applied: int, duplicates: int, gap_at: int, started_after: int) -> Applied:
    """Add one call's answer to what the same user's calls before it answered."""
    earlier = before or Applied(0, 0)
    return Applied(
        applied=earlier.applied + applied,
        duplicates=earlier.duplicates + duplicates,
        gap_at=earlier.gap_at if earlier.gap_at is not None else gap_at or None,
        started_after=started_after if started_after >= 0 else earlier.started_after,
    )


def _parts(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
