"""The in-memory twin of `MongoLease`; time passes only when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Holding:
    """Who holds the lease, shared by all its owners."""

    owner: str | None = None
    is_reserved: bool = False

    def expire(self) -> None:
        """Let the lease, and a reservation, run out."""
        self.owner, self.is_reserved = None, False


@dataclass
class MemoryLease:
    """The lease as one owner sees it."""

    owner: str
    holding: Holding = field(default_factory=Holding)
    duration_seconds: float = 60.0

    def acquire(self, *, gives_way: bool = False) -> bool:
        if self.holding.owner not in (None, self.owner) or (gives_way and self.holding.is_reserved):
            return False
        self.holding.owner = self.owner
        self.holding.is_reserved &= gives_way
        return True

    def reserve(self) -> None:
        self.holding.is_reserved = True

    def renew(self) -> bool:
        return self.holding.owner == self.owner

    def release(self) -> None:
        if self.renew():
            self.holding.owner = None

    def holder(self) -> str | None:
        return self.holding.owner
