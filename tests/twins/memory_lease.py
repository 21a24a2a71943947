"""The in-memory twin of `MongoLease`; time passes only when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Holding:
    """Who holds the lease, shared by all its owners."""

    owner: str | None = None

    def expire(self) -> None:
        """Let the lease run out."""
        self.owner = None


@dataclass
class MemoryLease:
    """The lease as one owner sees it."""

    owner: str
    holding: Holding = field(default_factory=Holding)
    duration_seconds: float = 60.0

    def acquire(self) -> bool:
        if self.holding.owner not in (None, self.owner):
            return False
        self.holding.owner = self.owner
        return True

    def renew(self) -> bool:
        return self.holding.owner == self.owner

    def release(self) -> None:
        if self.renew():
            self.holding.owner = None

    def holder(self) -> str | None:
        return self.holding.owner
