"""What an audit says of one user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cinematch.domain.events import Event


class Outcome(StrEnum):
    """How the comparison of one user ended."""

    EQUAL = "equal"
    DRIFT = "drift"  # a figure, a claim, or the speed view is not what the events give
    WITHOUT_HISTORY = "without_history"  # events that the answer contains are stored nowhere any more
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what events `first` to `last` of the user give. `of`: "answer" or "speed view"."""

    of: str
    field: str
    found: Any
    expected: Any
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One user's outcome, with the evidence of a drift.

    freshness: what the answer claims (None without one). detail: why there was no comparison, or what it left out.
    catalog_newer: hours, people and posters differ from today's catalog, which was changed since they were computed.
    """

    user_id: str
    outcome: Outcome
    differences: Sequence[Difference] = ()
    freshness: dict[str, Any] | None = None
    events: Sequence[Event] = field(default=())
    detail: str | None = None
    catalog_newer: bool = False

    @property
    def is_incomplete(self) -> bool:
        """Whether the answer said itself that it lacks events, or a view."""
        return self.freshness is not None and not self.freshness["complete"]
