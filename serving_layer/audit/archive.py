"""The events of users from where they are kept for ever: the lake, and for what it lacks the outbox.

The log of a user who was erased and came back begins behind the floor.

Kafka has nothing that neither of the two has: the outbox keeps an event until long after Kafka has it, and the lake
takes it from there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from cinematch.contracts.erasure import Floors
from cinematch.contracts.speed_view import EventHistory
from cinematch.domain.events import Event
from cinematch.errors import CineMatchError, StoreUnavailable
from cinematch.telemetry import get_logger
from serving_layer.audit.user_log import UserLog

_log = get_logger(__name__)


class LakeEvents(Protocol):
    """The lake, as far as it is needed here."""

    def events_of(self, user_ids: Collection[str], floors: Mapping[str, int]) -> dict[str, list[Event]]:
        """Give every event of these users after their floor, in order, as far as there is no gap."""


class EventArchive:
    """Lake and outbox as one; `lake_fault` says why the lake could not be read, when it could not."""

    def __init__(self, lake: LakeEvents, outbox: EventHistory, floors: Floors) -> None:
        self._lake = lake
        self._outbox = outbox
        self._floors = floors
        self.lake_fault: CineMatchError | None = None

    def logs_of(self, user_ids: Collection[str]) -> dict[str, UserLog]:
        """Give each user's log, up to the first event that neither has. Raises StoreUnavailable for MongoDB.

        Without the lake the outbox answers alone: a whole replay for whoever's first event it still has.
        """
        floors = self._floors.floors(user_ids)
        stored = self._of_lake(user_ids, floors)
        return {user_id: self._log(user_id, events, floors.get(user_id, 0)) for user_id, events in stored.items()}

    def _log(self, user_id: str, stored: list[Event], floor: int) -> UserLog:
        return UserLog(stored + self._outbox.events_after(user_id, floor + len(stored)), floor)

    def _of_lake(self, user_ids: Collection[str], floors: Mapping[str, int]) -> dict[str, list[Event]]:
        if self.lake_fault is None:
            try:
                return self._lake.events_of(user_ids, floors)
            except StoreUnavailable as error:
                _log.warning("the lake cannot be read: the outbox alone is replayed", reason=error.detail)
                self.lake_fault = error
        return {user_id: [] for user_id in user_ids}
