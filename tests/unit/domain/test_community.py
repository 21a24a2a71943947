"""What all lists together are like."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.community import CommunityTotals, community


def test_nobody_has_no_means() -> None:
    assert community(CommunityTotals()) == {"people": 0, "films_per_person": None, "avg_rating": None}


def test_means_are_over_entries_and_rounded_half_up() -> None:
    found = community(CommunityTotals(people=4, films=25, rated=2, rating_tenths=155))
    assert found == {"people": 4, "films_per_person": 6.3, "avg_rating": 7.75}


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_films_per_person_is_within_half_a_tenth(people: int, films: int) -> None:
    shown = Fraction(str(community(CommunityTotals(people, films))["films_per_person"]))
    assert abs(shown - Fraction(films, people)) <= Fraction(1, 20)
