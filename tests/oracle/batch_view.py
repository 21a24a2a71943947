"""Somebody who looks at the batch view again and again: it is never empty, and never of two generations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo.errors import PyMongoError

from cinematch.contracts.collections import USER_STATS_BATCH
from tests.oracle.oracle import WrongAnswer

_BY_GENERATION: Final = [{"$group": {"_id": "$generation", "users": {"$sum": 1}}}]


@dataclass
class BatchViewWatch:
    """Looks at `user_stats_batch` of a database; from the first published generation on there must be users."""

    database: Any
    tally: Counter[str] = field(default_factory=Counter)
    was_there: bool = False

    def look(self) -> None:
        """Look once; a server that is away shows nothing. Raises WrongAnswer."""
        try:
            found = {it["_id"]: it["users"] for it in self.database[USER_STATS_BATCH].aggregate(_BY_GENERATION)}
        except PyMongoError:
            self.tally["looks at the batch view without an answer"] += 1
            return
        if len(found) > 1 or (self.was_there and not found):
            raise WrongAnswer(f"the batch view shows users by generation: {found}")
        self.was_there = self.was_there or bool(found)
        self.tally["looks at the batch view"] += 1
