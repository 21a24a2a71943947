"""The decision tree, leaf by leaf and at its edges."""

import pytest

from cinematch.domain.advice import advise


@pytest.mark.parametrize(
    ("users", "events_per_day", "latency_ms", "has_budget", "stats_mode"),
    [
        (9_999, 50_000, 10, True, "micro_batch"),
        (99_999, 500_000, 10, True, "micro_batch"),
        (100_000, 500_000, 100, True, "micro_batch"),
        (100_000, 500_000, 99, False, "cache_aside"),
        (100_000, 500_000, 99, True, "lambda"),
        (50_000, 500_001, 99, True, "lambda"),
        (2_000_000, 60_000_000, 1_000, True, "micro_batch"),
    ],
)
def test_each_leaf_of_the_tree(
    users: int, events_per_day: int, latency_ms: float, has_budget: bool, stats_mode: str
) -> None:
    assert advise(users, events_per_day, latency_ms, has_budget).stats_mode == stats_mode
