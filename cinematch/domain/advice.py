"""When to migrate from micro-batch to Lambda: the decision tree of `docs/lambda.md` as a function.

Source of the thresholds: the scale table of the design (10k, 100k and 1M users with 50k, 500k and 5M events a day).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MICRO_BATCH_USERS: Final = 100_000
MICRO_BATCH_EVENTS_PER_DAY: Final = 500_000
INTERACTIVE_LATENCY_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Advice:
    """What to run: the value for `STATS_MODE`, the next step in one sentence, and the reason."""

    stats_mode: str
    step: str
    reason: str


def advise(users: int, events_per_day: int, latency_ms: float, has_budget: bool) -> Advice:
    """Walk the tree for active users, events a day, the latency that readers need, and whether there is money."""
    size = f"{users:,} users and {events_per_day:,} events a day"
    if users < MICRO_BATCH_USERS and events_per_day <= MICRO_BATCH_EVENTS_PER_DAY:
        return Advice("micro_batch", "Keep the micro-batch design.", f"{size} are within what it was made for.")
    if latency_ms >= INTERACTIVE_LATENCY_MS:
        return Advice(
            "micro_batch",
            "Optimise MongoDB first: indexes, read replicas, sharding by user_id.",
            f"{size} are many, but readers can wait {latency_ms:g} ms.",
        )
    if not has_budget:
        return Advice(
            "cache_aside",
            "Put Redis in front of MongoDB (phase 1).",
            f"{size} and {latency_ms:g} ms call for more than MongoDB alone, and a cache is what costs little.",
        )
    return Advice(
        "lambda",
        "Migrate to the Lambda design: phase 2 (incremental) first, then the lake and the nightly batch (phase 3).",
        f"{size} within {latency_ms:g} ms are beyond recomputation on each event.",
    )
