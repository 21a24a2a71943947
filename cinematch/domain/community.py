"""What all lists together are like: the yardstick beside one user's statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cinematch.domain.statistics import mean_rating


@dataclass(frozen=True, slots=True)
class CommunityTotals:
    """Sums over all lists: people with at least one film, list entries, of them rated, their ratings in tenths."""

    people: int = 0
    films: int = 0
    rated: int = 0
    rating_tenths: int = 0


def community(totals: CommunityTotals) -> dict[str, Any]:
    """Give the figures that one list is compared with.

    - people: those with at least one film
    - films_per_person: mean, rounded half up to 1 decimal; None without people
    - avg_rating: mean of all rated entries (not of people's means), 2 decimals; None when none is rated
    """
    people = totals.people
    return {
        "people": people,
        "films_per_person": (20 * totals.films + people) // (2 * people) / 10 if people else None,
        "avg_rating": mean_rating(totals.rating_tenths, totals.rated),
    }
