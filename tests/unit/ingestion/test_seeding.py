"""Laws of the invented data: same seed, same data; a longer run only extends a shorter one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematch.domain.events import EventType
from cinematch.domain.titles import normalize_title
from cinematch.errors import ConfigurationError
from ingestion.seeding.catalog import CATALOG_FILMS, invented_catalog
from ingestion.seeding.histories import (
    EVENTS_OF_A_USER_MAX,
    WATCHED_WITHIN,
    PlannedChange,
    history_lengths,
    interleaved,
    user_history,
)

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
SEED = 7

DIGEST = """
import hashlib, datetime
from ingestion.seeding.catalog import invented_catalog
from ingestion.seeding.histories import user_history
until = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
print(hashlib.sha256(repr((invented_catalog(7), list(user_history(7, 3, 400, until)))).encode()).hexdigest())
"""


def digest_with(hash_seed: str) -> str:
    """Give the digest of a catalog and a history made by a fresh interpreter with this hash seed."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-c", DIGEST], env=environment, capture_output=True, check=True, text=True
    ).stdout


def test_same_seed_gives_the_same_data_whatever_the_hash_seed() -> None:
    assert digest_with("1") == digest_with("2") != ""


def test_another_seed_gives_other_data() -> None:
    assert [film.title for film in invented_catalog(1)] != [film.title for film in invented_catalog(2)]


def test_catalog_is_as_uneven_as_real_ones() -> None:
    films = invented_catalog(SEED)
    titles = Counter(film.title for film in films)

    assert len({film.movie_id for film in films}) == len(films) == CATALOG_FILMS
    assert max(titles.values()) == 2
    assert {"." in title for title in titles} == {"$" in title for title in titles} == {True, False}
    assert any(not title.isascii() for title in titles)
    assert all(normalize_title(title) for title in titles)
    for lacking in ("genres", "year", "runtime_minutes", "directors", "actors", "poster_path"):
        share = sum(not getattr(film, lacking) for film in films) / len(films)
        assert 0.005 < share < 0.05, lacking


def test_two_of_the_most_popular_films_share_a_title() -> None:
    popular = [film.title for film in invented_catalog(SEED)[:20]]
    assert len(set(popular)) < len(popular)


@given(st.integers(1, 300), st.integers(0, 20_000))
def test_lengths_add_up_and_are_heavy_tailed(users: int, events: int) -> None:
    lengths = history_lengths(users, min(events, users * EVENTS_OF_A_USER_MAX))
    assert sum(lengths) == min(events, users * EVENTS_OF_A_USER_MAX)
    assert min(lengths) >= 0
    assert max(lengths) <= EVENTS_OF_A_USER_MAX
    assert all(busier >= calmer - 1 for busier, calmer in pairwise(lengths))


def test_more_events_than_users_can_have_are_refused() -> None:
    assert history_lengths(2, 2 * EVENTS_OF_A_USER_MAX) == [EVENTS_OF_A_USER_MAX] * 2
    with pytest.raises(ConfigurationError, match="at most"):
        history_lengths(2, 2 * EVENTS_OF_A_USER_MAX + 1)


def test_heaviest_user_has_about_ten_thousand_films() -> None:
    history = user_history(SEED, 1, EVENTS_OF_A_USER_MAX, UNTIL)
    assert 9_000 < len(final_list(history)) <= 10_000


@settings(max_examples=25, deadline=None)
@given(st.integers(-3, 3), st.integers(1, 50), st.integers(0, 300), st.integers(0, 300))
def test_longer_history_begins_with_the_shorter_one(seed: int, number: int, length: int, more: int) -> None:
    longer = list(user_history(seed, number, length + more, UNTIL))
    assert longer[:length] == list(user_history(seed, number, length, UNTIL))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 50), st.integers(0, 500))
def test_every_planned_change_is_effective(number: int, length: int) -> None:
    final_list(user_history(SEED, number, length, UNTIL))


def test_history_deletes_rerates_and_adds_again_within_two_years() -> None:
    history = list(user_history(SEED, 1, 3_000, UNTIL))
    kinds = Counter(change.event_type for change in history)
    added = Counter(change.film.movie_id for change in history if change.event_type is EventType.ADD)

    assert kinds[EventType.DELETE] > 50 < kinds[EventType.UPDATE]
    assert max(added.values()) > 1
    assert any(change.rating is None for change in history if change.event_type is EventType.ADD)
    assert all(UNTIL - WATCHED_WITHIN <= change.watched_at <= UNTIL for change in history)


def test_popularity_falls_by_rank() -> None:
    films = invented_catalog(SEED)
    rank = {film.movie_id: place for place, film in enumerate(films)}
    drawn = Counter(
        len(str(rank[change.film.movie_id] + 1))  # 1-9, 10-99, ...
        for number in range(1, 101)
        for change in user_history(SEED, number, 20, UNTIL)
    )
    assert drawn[1] / 9 > 3 * drawn[2] / 90 > 9 * drawn[3] / 900 > 0


@given(st.lists(st.integers(0, 20), max_size=12))
def test_interleaving_gives_each_user_all_turns(lengths: list[int]) -> None:
    turns = Counter(interleaved(lengths))
    assert [turns[place] for place in range(len(lengths))] == lengths


def test_interleaving_mixes_users() -> None:
    assert list(interleaved([4, 2])) == [0, 1, 0, 0, 1, 0]


def final_list(history: Iterable[PlannedChange]) -> dict[str, float | None]:
    """Apply planned changes to an empty list, asserting that each is effective."""
    held: dict[str, float | None] = {}
    for change in history:
        movie_id = change.film.movie_id
        assert (movie_id in held) is (change.event_type is not EventType.ADD)
        if change.event_type is EventType.DELETE:
            del held[movie_id]
        else:
            assert change.event_type is EventType.ADD or held[movie_id] != change.rating
            assert change.rating is None or (1 <= change.rating <= 10 and change.rating * 2 == int(change.rating * 2))
            held[movie_id] = change.rating
    return held
