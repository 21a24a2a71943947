"""What is kept of an audit: how many answers were compared with a replay, and what came of it.

No user is named: a record outlives an erasure. Who drifted is told by the audit's own output.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One audit of a sample of users.

    users: those of the sample; equal: the answer is what a replay gives; drift: it is not, or the speed view is not;
    without_history: events that the answer contains are stored nowhere any more; unanswered: no answer could be had.
    The four add up to `users`. incomplete: answers, of the equal ones, that said that they lack events.
    """

    started_at: datetime
    finished_at: datetime
    mode: str
    users: int
    equal: int
    drift: int
    without_history: int
    unanswered: int
    incomplete: int
