"""Repair: what a user's speed view lacks is put back from the outbox or the lake, while everything goes on.

A view is whole when it starts no later than the published boundary and reaches the last issued sequence. A repair
replaces the view of a user by the events after the boundary; that is atomic, takes nothing back that is applied
meanwhile, and may be repeated. So it does no harm to a user whose events are merely in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Final, Protocol

from cinematch.batches import batches
from cinematch.contracts.speed_view import DueUser, SpeedView, WholeHistory
from cinematch.errors import StoreUnavailable
from cinematch.metrics.catalogue import SPEED_PENDING
from cinematch.metrics.instruments import gauge
from cinematch.telemetry import get_logger

LAKE_STORE: Final = "s3"
PAGE_USERS: Final = 1_000
log = get_logger(__name__)
_PENDING: Final = gauge(SPEED_PENDING)


class RepairsWait(StoreUnavailable):
    """The lake is away, and only it has what these users lack; `repaired` others were repaired all the same."""

    def __init__(self, cause: StoreUnavailable, user_ids: Set[str], repaired: int) -> None:
        super().__init__(cause.store, f"{cause.detail} ({len(user_ids)} speed views wait for it)")
        self.cause = cause
        self.user_ids = user_ids
        self.repaired = repaired


class Boundaries(Protocol):
    """Who knows which users are due; see cinematch.adapters.mongodb_boundaries."""

    def due(self, user_ids: Iterable[str]) -> list[DueUser]:
        """Give those of the users that are due, as a majority has them."""

    def floors(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Give the floor of those of the users that were erased."""

    def due_pages(self) -> Iterator[list[DueUser]]:
        """Give all due users."""


class Repairs:
    """Finds and repairs broken views; every call raises StoreUnavailable.

    A lake that is away ends nothing: whoever needs no more than the outbox is repaired, then RepairsWait names the
    others.
    """

    def __init__(self, view: SpeedView, boundaries: Boundaries, history: WholeHistory) -> None:
        self._view = view
        self._boundaries = boundaries
        self._history = history

    def repair(self, user_ids: Iterable[str]) -> int:
        """Repair those of the users whose view is not whole; give how many were repaired.

        What their views hold from before an erasure (copies of old events that came once more) goes.
        """
        users = list(user_ids)
        if floors := self._boundaries.floors(users):
            self._view.forget(floors)
        return self.rebuild(self._broken(self._boundaries.due(users)))

    def repair_requested(self, user_ids: Iterable[str]) -> int:
        """Put back the views of those of the users that are due: a reader, who sees more than boundaries, found them
        broken; give how many were."""
        return self.rebuild(self._boundaries.due(user_ids))

    def repair_all(self) -> int:
        """Repair every user whose view is not whole; give how many were repaired."""
        return self.rebuild(user for page in self._boundaries.due_pages() for user in self._broken(page))

    def rebuild(self, users: Iterable[DueUser]) -> int:
        """Put back the views of these users, whole or not; give how many are whole now.

        The others are in the log, each with the event that it lacks; what comes before that is put back.
        """
        rebuilt = 0
        waiting: dict[str, StoreUnavailable] = {}
        for user in users:
            try:
                rebuilt += self._replace(user)
            except StoreUnavailable as error:
                if error.store != LAKE_STORE:  # without the others nobody can be repaired
                    raise
                waiting[user.user_id] = error
        for cause in waiting.values():
            raise RepairsWait(cause, waiting.keys(), rebuilt)
        return rebuilt

    def forget_erased(self) -> int:
        """Take away what views hold of users who were erased; give how many views went.

        Whoever has no counter any more is never due, so nobody else comes upon a view that was begun anew by copies of
        old events, where the process ended before it told of it, or put back by a repair that had read before.
        """
        forgotten = 0
        for page in batches(self._view.users(), PAGE_USERS):
            if floors := self._boundaries.floors(page):
                forgotten += self._view.forget(floors)
        return forgotten

    def broken_views(self) -> dict[DueUser, tuple[int, int] | None]:
        """Give every due user whose view is not whole, with its base and last sequence as they are now.

        Whoever looks at all views may as well count what is in them: that is the metric of pending events.
        """
        found: dict[DueUser, tuple[int, int] | None] = {}
        pending = 0
        for page in self._boundaries.due_pages():
            views = self._view.boundaries([user.user_id for user in page])
            pending += sum(_pending(user, views.get(user.user_id)) for user in page)
            found |= {user: views.get(user.user_id) for user in page if not _whole(user, views.get(user.user_id))}
        _PENDING.set(pending)
        return found

    def repair_stuck(self, earlier: dict[DueUser, tuple[int, int] | None]) -> int:
        """Repair those of `broken_views` that have not moved since: their events are not in flight."""
        views = self._view.boundaries([user.user_id for user in earlier])
        stuck = [user.user_id for user, before in earlier.items() if views.get(user.user_id) == before]
        return self.repair(stuck) if stuck else 0

    def _broken(self, due: Sequence[DueUser]) -> list[DueUser]:
        views = self._view.boundaries([user.user_id for user in due])
        return [user for user in due if not _whole(user, views.get(user.user_id))]

    def _replace(self, user: DueUser) -> bool:
        """Replace the view by all that the history has; say whether the view is whole with it.

        An answer of the history that ends before `issued` lacks an event that is lost, and none that is on its way:
        `issued` is what a majority had before the outbox was asked for the same, and the outbox has every event from
        then on until days after it was published. So it is an error each time; only where the view itself still had
        what the history has no more, it is none.
        """
        events = self._history.events_after(user.user_id, user.boundary, user.issued)
        if events:
            self._view.replace(user.user_id, user.boundary, events)
        reached = events[-1].sequence if events else user.boundary
        if reached >= user.issued or (events and not self._broken([user])):
            return True
        log.error(
            "a speed view cannot be repaired: neither outbox nor lake has the next event",
            user_id=user.user_id,
            after_sequence=reached,
            issued=user.issued,
        )
        return False


def _whole(user: DueUser, stored: tuple[int, int] | None) -> bool:
    if stored is None:
        return False
    base_sequence, last_sequence = stored
    return base_sequence <= user.boundary and last_sequence >= user.issued


def _pending(user: DueUser, stored: tuple[int, int] | None) -> int:
    """Count the events in the view that the published generation does not have."""
    return 0 if stored is None else max(0, stored[1] - max(stored[0], user.boundary))
