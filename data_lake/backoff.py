"""How long to wait after a failure: longer each time, up to a limit."""

from __future__ import annotations

from typing import Final

FIRST_SECONDS: Final = 0.5
LIMIT_SECONDS: Final = 15.0


class Backoff:
    """Doubles the wait from failure to failure."""

    def __init__(self) -> None:
        self.next_seconds = FIRST_SECONDS

    def fail(self) -> float:
        """Give the seconds to wait now."""
        current = self.next_seconds
        self.next_seconds = min(current * 2, LIMIT_SECONDS)
        return current

    def reset(self) -> None:
        """Start over: it works again."""
        self.next_seconds = FIRST_SECONDS
