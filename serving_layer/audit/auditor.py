"""The audit: asks for users' answers, replays their events, and compares.

The order makes it exact while everything goes on:
1. the last issued sequence of each user,
2. the answer,
3. the speed view, in the modes that read it,
4. the last issued sequence again,
5. the events and the catalog: whatever 2 and 3 contain was stored before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.watchlist import Film
from cinematch.errors import CineMatchError, DamagedView, StoreUnavailable
from serving_layer.audit.answers import Answer, Answering
from serving_layer.audit.archive import EventArchive
from serving_layer.audit.comparison import ANSWER, Evidence, compare
from serving_layer.audit.finding import Difference, Finding, Outcome
from serving_layer.audit.speed_comparison import SPEED_VIEW, compare_speed_view
from serving_layer.audit.user_log import UserLog

USERS_AT_ONCE: Final = 25
"""Users whose events are read from the lake in one go."""
MAJORITY_SECONDS: Final = 1.0
"""An answer may contain an event some milliseconds before a majority has it, which is when the outbox shows it."""
ERASED_SINCE: Final = "the user was erased since the question: there is nothing to replay"


class Issued(Protocol):
    """Who knows the last sequence of users."""

    def issued(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Give the last sequence of each user who has one."""


class FilmCatalog(Protocol):
    """Where films are looked up."""

    def films_by_id(self, movie_ids: Iterable[str]) -> Mapping[str, Film]:
        """Give the films of these ids; those that it lacks are absent."""


class SpeedViewReader(Protocol):
    """The speed view."""

    def read(self, user_id: str) -> SpeedSnapshot | None:
        """Give a user's snapshot; may raise DamagedView."""


@dataclass(frozen=True, slots=True)
class AuditStores:
    """What an audit reads; `speed_view` is None in the modes that do not read Redis."""

    issued: Issued
    archive: EventArchive
    catalog: FilmCatalog
    speed_view: SpeedViewReader | None


class _Seen(NamedTuple):
    """What was seen of one user before the events were read; `speed` None: no keys, or Redis is away."""

    answer: Answer | CineMatchError | None
    speed: SpeedSnapshot | DamagedView | None
    issued: tuple[int, int]
    asked_at: datetime


class Auditor:
    """Audits users; every call may raise StoreUnavailable, for MongoDB. For one thread."""

    def __init__(self, answers: Answering, stores: AuditStores, sleep: Callable[[float], None] = time.sleep) -> None:
        self._answers = answers
        self._stores = stores
        self._sleep = sleep

    def findings(self, user_ids: Sequence[str]) -> Iterator[Finding]:
        """Give a finding of each user, in their order."""
        for start in range(0, len(user_ids), USERS_AT_ONCE):
            yield from self._group(user_ids[start : start + USERS_AT_ONCE])

    def _group(self, user_ids: Sequence[str]) -> Iterator[Finding]:
        seen = self._look(user_ids)
        logs = self._logs(seen)
        for user_id in user_ids:
            yield self._finding(user_id, seen[user_id], logs[user_id])

    def _look(self, user_ids: Sequence[str]) -> dict[str, _Seen]:
        before, asked_at = self._stores.issued.issued(user_ids), datetime.now(UTC)
        answers = self._answers.ask(user_ids)
        speed = {user_id: self._speed(user_id) for user_id in user_ids}
        after = self._stores.issued.issued(user_ids)
        return {
            user_id: _Seen(answers[user_id], speed[user_id], (before.get(user_id, 0), after.get(user_id, 0)), asked_at)
            for user_id in user_ids
        }

    def _speed(self, user_id: str) -> SpeedSnapshot | DamagedView | None:
        if self._stores.speed_view is None:
            return None
        try:
            return self._stores.speed_view.read(user_id)
        except DamagedView as error:
            return error
        except StoreUnavailable:  # which the answer says itself
            return None

    def _logs(self, seen: Mapping[str, _Seen]) -> dict[str, UserLog]:
        logs = self._stores.archive.logs_of(list(seen))
        late = [user_id for user_id, each in seen.items() if logs[user_id].last < _reached(each)]
        if late:
            self._sleep(MAJORITY_SECONDS)
            logs |= self._stores.archive.logs_of(late)
        return logs

    def _finding(self, user_id: str, seen: _Seen, log: UserLog) -> Finding:
        if isinstance(seen.answer, CineMatchError):
            return Finding(user_id, Outcome.UNANSWERED, detail=str(seen.answer))
        if seen.answer is None:
            return _of_nobody(user_id, seen, log)
        if seen.answer["freshness"]["applied_sequence"] < log.floor:
            return Finding(user_id, Outcome.WITHOUT_HISTORY, freshness=seen.answer["freshness"], detail=ERASED_SINCE)
        if log.last < _reached(seen):
            return _without_history(user_id, seen.answer, log.last, _reached(seen))
        return self._compared(user_id, seen, seen.answer, log)

    def _compared(self, user_id: str, seen: _Seen, answer: Answer, log: UserLog) -> Finding:
        films = self._stores.catalog.films_by_id({event.movie_id for event in log.events})
        compared = compare(user_id, answer, Evidence(log, films, seen.issued, seen.asked_at))
        differences = [*compared.differences, *_of_speed(seen.speed, log)]
        return Finding(
            user_id,
            Outcome.DRIFT if differences else Outcome.EQUAL,
            differences,
            answer["freshness"],
            log.events if differences else (),
            catalog_newer=compared.catalog_newer,
        )


def _reached(seen: _Seen) -> int:
    """Give the last sequence that the answer and the speed view contain."""
    applied: int = seen.answer["freshness"]["applied_sequence"] if isinstance(seen.answer, dict) else 0
    return max(applied, seen.speed.last_sequence if isinstance(seen.speed, SpeedSnapshot) else 0)


def _of_speed(speed: SpeedSnapshot | DamagedView | None, log: UserLog) -> list[Difference]:
    if isinstance(speed, DamagedView):
        return [Difference(SPEED_VIEW, "keys", speed.detail, "what the speed layer writes", log.floor + 1, log.last)]
    return [] if speed is None else compare_speed_view(speed, log)


def _of_nobody(user_id: str, seen: _Seen, log: UserLog) -> Finding:
    """Judge the answer that there is no such user: right for one who has been erased since the sample was drawn."""
    if not min(seen.issued):
        return Finding(user_id, Outcome.WITHOUT_HISTORY, detail="the user has no events, or none any more")
    last = min(seen.issued)
    difference = Difference(ANSWER, "user_id", None, user_id, log.floor + 1, last)
    return Finding(user_id, Outcome.DRIFT, [difference], events=log.events)


def _without_history(user_id: str, answer: Answer, last: int, reached: int) -> Finding:
    missing = f"event {last + 1} of {reached}"
    detail = f"{missing} is neither in the lake nor in the outbox (erased, or expired): there is nothing to replay"
    return Finding(user_id, Outcome.WITHOUT_HISTORY, freshness=answer["freshness"], detail=detail)
