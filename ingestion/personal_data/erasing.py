"""Erasing a user: the list first, at once and for every reader; then what each layer holds, step by step.

Killed anywhere, it is run again and completes: the list may be half empty, the tombstone is there or not in one
transaction, and every step may be repeated. Only one process at a time goes on with erasures, so nothing that is
removed is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final, Protocol

from cinematch.contracts.erasure import Eraser, Erasure, Removed
from cinematch.contracts.exclusion import Exclusion, Lease
from cinematch.domain.changes import Change, RemoveFilm
from cinematch.errors import CineMatchError, Conflict, StoreUnavailable, UserNotFound
from cinematch.settings import Settings
from cinematch.telemetry import get_logger

GROUP: Final = "cinematch.erasers"
FILMS_AT_ONCE: Final = 500
_log = get_logger(__name__)


class Lists(Protocol):
    """The lists; see `mongodb_watchlists.Watchlists`."""

    def films_of(self, user_id: str, limit: int) -> list[str]:
        """Give the ids of films of a list."""

    def apply_many(self, user_id: str, changes: list[Change]) -> int:
        """Carry out changes."""


class Tombstones(Protocol):
    """The tombstones; see `mongodb_erasures.Erasures`."""

    def bury(self, user_id: str, floor: int) -> Erasure | None:
        """Put a tombstone in place of a user whose list is empty, with at least this floor."""

    def of(self, user_id: str) -> Erasure | None:
        """Give the tombstone of a user."""

    def open(self) -> list[Erasure]:
        """Give the erasures that are not finished."""

    def record(self, erasure: Erasure, step: str, removed: Removed) -> None:
        """Add what an attempt of a step removed."""

    def finish(self, erasure: Erasure) -> None:
        """Forget the user's id."""


class Erasing:
    """Erases users. Any thread may call; who goes on with an erasure holds a lease meanwhile, renewed as it runs."""

    def __init__(
        self,
        lists: Lists,
        tombstones: Tombstones,
        erasers: Mapping[str, Callable[[], Eraser]],
        new_lease: Callable[[], Lease],
    ) -> None:
        self._lists = lists
        self._tombstones = tombstones
        self._makers = erasers
        self._new_lease = new_lease
        self._erasers: dict[str, Eraser] = {}

    def begin(self, user_id: str, floor: int = 0) -> Erasure:
        """Empty the list, and put a tombstone in the user's place: from now on nobody finds the user.

        floor: the last event that there was of the user, where the database was put back to an older state and knows
        less, or nobody of that name; where it knows already, nothing is done. Raises UserNotFound when there is no such
        user and never was one erased, StoreUnavailable.
        """
        known = self._tombstones.of(user_id) if floor else None
        if known is not None and known.floor >= floor:
            return known
        while True:
            while films := self._lists.films_of(user_id, FILMS_AT_ONCE):
                self._lists.apply_many(user_id, [RemoveFilm(movie_id) for movie_id in films])
            if (erasure := self._tombstones.bury(user_id, floor)) is not None:
                return erasure
            if not self._lists.films_of(user_id, 1):
                raise UserNotFound(f"there is no user {user_id!r}")

    def go_on(self, erasure: Erasure) -> Erasure:
        """Try every step that is not done, and again those that another one made possible.

        Raises Conflict while somebody else goes on with erasures, StoreUnavailable.
        """
        if erasure.user_id is None:
            return erasure
        with Exclusion(self._new_lease(), "another erasure"):
            return self._go_on(self._tombstones.of(erasure.user_id) or erasure)

    def go_on_with_all(self) -> int:
        """Try every erasure that is not finished; give how many are left. Raises what `go_on` raises."""
        return sum(self.go_on(erasure).finished_at is None for erasure in self._tombstones.open())

    def _go_on(self, erasure: Erasure) -> Erasure:
        progress = True
        while progress and erasure.user_id is not None:
            open_steps = [step for step in self._makers if not erasure.is_done(step)]
            for step in open_steps:
                self._tombstones.record(erasure, step, self._attempt(step, erasure))
                erasure = self._tombstones.of(erasure.user_id or "") or erasure
            if all(map(erasure.is_done, self._makers)):
                self._tombstones.finish(erasure)
                erasure = self._tombstones.of(erasure.user_id or "") or erasure
                _log.info("a user is erased", digest=erasure.digest)
                return erasure
            progress = any(map(erasure.is_done, open_steps))
        return erasure

    def _attempt(self, step: str, erasure: Erasure) -> Removed:
        try:
            if step not in self._erasers:
                self._erasers[step] = self._makers[step]()
            return self._erasers[step].erase(erasure)
        except CineMatchError as error:
            _log.warning("a step of an erasure waits", step=step, digest=erasure.digest, reason=str(error))
            return Removed({}, _told(error))
        except Exception as error:  # noqa: BLE001 - logged and told in the report; other steps and users go on
            _log.exception("a step of an erasure failed unexpectedly", step=step, digest=erasure.digest)
            return Removed({}, _told(error))


def _told(error: Exception) -> str:
    """Say what is waited for. The user reads it: nothing in it tells of our insides, which the log does."""
    match error:
        case StoreUnavailable():
            return f"{error.store}, which does not answer"
        case Conflict():
            return "other work that holds what is needed"
        case _:
            return "the repair of a fault"


def installed_erasers(settings: Settings) -> dict[str, Callable[[], Eraser]]:
    """Give how to make the eraser of each layer; an entry names a function of the settings."""

    def maker(load: Callable[[], Callable[[Settings], Eraser]]) -> Callable[[], Eraser]:
        return lambda: load()(settings)

    return {entry.name: maker(entry.load) for entry in sorted(entry_points(group=GROUP))}
