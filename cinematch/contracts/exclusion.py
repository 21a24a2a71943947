"""One at a time: a lease that is renewed in the background for as long as its holder lives."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from types import TracebackType
from typing import Final, Protocol, Self

from cinematch.errors import Conflict, StoreUnavailable
from cinematch.telemetry import get_logger

RENEWALS_PER_LEASE: Final = 4
ERASURE: Final = "erasure-"
"""What the last part of an owner's name begins with when it is an erasure."""
_log = get_logger(__name__)


class Lease(Protocol):
    """A lease as one owner sees it; every call may raise StoreUnavailable."""

    owner: str
    duration_seconds: float

    def acquire(self, *, gives_way: bool = False) -> bool:
        """Take it, unless another owner holds it, or with `gives_way` somebody has reserved it."""

    def reserve(self) -> None:
        """Keep those away who give way, for the duration: whoever waits for its turn is not overtaken by them."""

    def renew(self) -> bool:
        """Prolong it; False when another owner has it."""

    def release(self) -> None:
        """Give it back."""

    def holder(self) -> str | None:
        """Name who holds it."""


def new_owner(role: str = "") -> str:
    """Name this run: host and process, for people, and a token, for a process id is used again."""
    return f"{owner_name(os.getpid())}{role}{secrets.token_hex(4)}"


def owner_name(pid: int) -> str:
    """Give what the names of all runs of a process of this host begin with."""
    return f"{socket.gethostname()}/{pid}/"


def is_erasure(owner: str | None) -> bool:
    """Say whether an owner is an erasure."""
    return owner is not None and owner.rpartition("/")[2].startswith(ERASURE)


class Exclusion:
    """Holds a lease inside a `with` block.

    Raises Conflict on entering when somebody else holds it, or with `gives_way` when somebody has reserved it; `others`
    names in the error who that is, unless it is an erasure.
    """

    def __init__(self, lease: Lease, others: str = "another batch run", *, gives_way: bool = False) -> None:
        self._lease = lease
        self._others = others
        self._gives_way = gives_way
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="lease keeper", daemon=True)

    def __enter__(self) -> Self:
        if not self._lease.acquire(gives_way=self._gives_way):
            holder = self._lease.holder()
            at_work = "an erasure" if is_erasure(holder) else self._others
            raise Conflict(f"{at_work} is at work ({holder or 'it has reserved the next turn'}); this one does nothing")
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._keeper.join()
        try:
            self._lease.release()
        except StoreUnavailable as unavailable:
            _log.warning("the lease could not be given back and runs out by itself", reason=str(unavailable))

    def confirm(self) -> None:
        """Prolong the lease now. Raises Conflict when it was lost: who was suspended must not publish or delete."""
        if not self._lease.renew():
            raise Conflict("this process was suspended for too long, and another one has taken over")

    def _keep(self) -> None:
        while not self._over.wait(self._lease.duration_seconds / RENEWALS_PER_LEASE):
            try:
                if not self._lease.renew():
                    return  # `confirm` will say so
            except StoreUnavailable as error:
                _log.warning("the lease could not be renewed", reason=str(error))
