"""The guardian: keeps the speed view exact without a command, whatever happens to Redis.

What is noticed, and how soon it is repaired:
- a gap, or a view begun in the middle of the log: told by the stream with the very event, repaired within a second;
- Redis flushed, restarted, failed over or rewound: told by the heartbeat within a second, then every due user is
  compared with what MongoDB issued, and repaired where something lacks, also users for whom no event comes;
- a view that a reader found broken: the reader left a request in MongoDB, looked for every second;
- anything else (single keys deleted, evicted; a view of somebody who was erased, begun anew by old events that came
  once more): told by the audit, every SPEED_AUDIT_SECONDS and at the start.

In an audit a view counts as broken only when it has not moved for PATIENCE_SECONDS, for events in flight are no loss.
While MongoDB or Redis is away nothing is forgotten, and it is tried again every second. While the lake is away, only
whoever needs it waits: the others are repaired, and so is what is noticed meanwhile.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from cinematch.adapters.mongodb_client import Document
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger
from speed_layer.repairs import Repairs, RepairsWait

BEAT_SECONDS: Final = 1.0
FIRST_AUDIT_SECONDS: Final = 15.0
"""After the start: by then the stream has brought most of what came while nobody was there."""
PATIENCE_SECONDS: Final = 3.0
log = get_logger(__name__)


class Heartbeat(Protocol):
    """Who notices lost writes; see cinematch.adapters.redis_heartbeat."""

    def beat(self) -> bool:
        """Say whether all that was written is still there. Raises StoreUnavailable."""


class RepairRequests(Protocol):
    """What readers ask for; see cinematch.adapters.mongodb_boundaries."""

    def repair_requests(self) -> list[Document]:
        """Give open requests; `_id` is the user."""

    def end_repair_requests(self, requests: Sequence[Document]) -> None:
        """Remove requests that were fulfilled."""

    def put_off_repair_requests(self, requests: Sequence[Document]) -> None:
        """Let these be the last to be given."""


class Guardian:
    """Watches and repairs, in a thread of its own; `report_broken` may be called from any thread."""

    def __init__(self, heartbeat: Heartbeat, repairs: Repairs, requests: RepairRequests, audit_seconds: float) -> None:
        self._heartbeat = heartbeat
        self._repairs = repairs
        self._requests = requests
        self._audit_seconds = audit_seconds
        self._audit_at = math.inf
        self._redis_lost_writes = False
        self._lock = threading.Lock()
        self._reported: set[str] = set()

    def report_broken(self, user_ids: Iterable[str]) -> None:
        """Have these users looked at in the next round."""
        with self._lock:
            self._reported.update(user_ids)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`, whatever goes down meanwhile."""
        self._first_beat(stop)
        self._audit_at = time.monotonic() + FIRST_AUDIT_SECONDS
        while not stop.wait(BEAT_SECONDS):
            try:
                self.step(stop)
            except StoreUnavailable as error:
                log.warning("the guardian waits", reason=str(error))

    def step(self, stop: threading.Event) -> None:
        """One round. Raises StoreUnavailable; what was not repaired stays to be repaired.

        Users who wait for the lake keep nobody else waiting: the round goes on, and tells of them at its end.
        """
        duties = (self._watch_redis, self._repair_reported, self._repair_requested, lambda: self._look(stop))
        waits = [wait for duty in duties if (wait := _wait_of(duty))]
        if waits:
            raise waits[-1]

    def _first_beat(self, stop: threading.Event) -> None:
        """Leave the first marks; what was lost before them is found by the first audit."""
        while not stop.is_set():
            try:
                self._heartbeat.beat()
                return
            except StoreUnavailable:
                stop.wait(BEAT_SECONDS)

    def _watch_redis(self) -> None:
        if not self._heartbeat.beat():
            self._redis_lost_writes = True
            log.warning("redis has lost writes, or was restarted: all users are compared")
        if self._redis_lost_writes:
            try:
                log.info("redis is whole again", users_repaired=self._repairs.repair_all())
            except RepairsWait as wait:
                self.report_broken(wait.user_ids)
                self._redis_lost_writes = False
                raise
            self._redis_lost_writes = False

    def _repair_reported(self) -> None:
        with self._lock:
            users, self._reported = self._reported, set()
        try:
            if users and (repaired := self._repairs.repair(users)):
                log.info("gaps are closed", users_repaired=repaired)
        except StoreUnavailable as error:
            self.report_broken(error.user_ids if isinstance(error, RepairsWait) else users)
            raise

    def _repair_requested(self) -> None:
        requests = self._requests.repair_requests()
        if not requests:
            return
        try:
            repaired = self._repairs.repair_requested(request["_id"] for request in requests)
            self._end(requests, repaired)
        except RepairsWait as wait:
            self._end([it for it in requests if it["_id"] not in wait.user_ids], wait.repaired)
            self._requests.put_off_repair_requests([it for it in requests if it["_id"] in wait.user_ids])
            raise

    def _end(self, requests: Sequence[Document], repaired: int) -> None:
        self._requests.end_repair_requests(requests)
        log.info("repairs that readers asked for", requests=len(requests), users_repaired=repaired)

    def _look(self, stop: threading.Event) -> None:
        """Do the audit when it is due."""
        if time.monotonic() < self._audit_at:
            return
        try:
            self.audit(stop)
        except RepairsWait as wait:
            self.report_broken(wait.user_ids)
            self._audit_at = time.monotonic() + self._audit_seconds
            raise
        self._audit_at = time.monotonic() + self._audit_seconds

    def audit(self, stop: threading.Event) -> None:
        """Repair every user whose view is not whole and does not move; nothing of the erased stays.

        Raises StoreUnavailable.
        """
        if forgotten := self._repairs.forget_erased():
            log.warning("the audit found views of users who were erased", views=forgotten)
        broken = self._repairs.broken_views()
        if not broken or stop.wait(PATIENCE_SECONDS):
            return
        if repaired := self._repairs.repair_stuck(broken):
            log.warning("the audit found views that lacked events", users_repaired=repaired)


def _wait_of(duty: Callable[[], None]) -> RepairsWait | None:
    try:
        duty()
    except RepairsWait as wait:
        return wait
    return None
