"""Only effective changes become events, and the events tell the whole story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.changes import KEEP_RATING, AddFilm, Change, RemoveFilm, Stamp, effective_events, event_of
from cinematch.domain.events import EventType, to_tenths
from cinematch.domain.watchlist import Film, Watchlist, replay
from tests.strategies import EPOCH, ratings

FILM = Film("a", "Film a", genres=("Drama",))


def stamps(sequence: int = 0) -> Iterator[Stamp]:
    while True:
        sequence += 1
        yield Stamp(f"event-{sequence}", sequence, EPOCH + timedelta(minutes=sequence, microseconds=1))


def events_of(*changes: Change) -> list[tuple[EventType, float | None, float | None]]:
    events = effective_events("u", changes, {}, stamps())
    return [(event.event_type, event.rating, event.previous_rating) for event in events]


def test_a_new_film_is_added_with_or_without_a_rating() -> None:
    assert events_of(AddFilm(FILM, 7.5)) == [(EventType.ADD, 7.5, None)]
    assert events_of(AddFilm(FILM, None)) == events_of(AddFilm(FILM)) == [(EventType.ADD, None, None)]


def test_another_rating_is_an_update_and_the_same_is_nothing() -> None:
    changes = AddFilm(FILM, 7.5), AddFilm(FILM, 7.5), AddFilm(FILM), AddFilm(FILM, 8.0), AddFilm(FILM, None)
    assert events_of(*changes) == [
        (EventType.ADD, 7.5, None),
        (EventType.UPDATE, 8.0, 7.5),
        (EventType.UPDATE, None, 8.0),
    ]


def test_a_film_is_removed_once_and_can_come_back() -> None:
    remove = RemoveFilm("a")
    assert events_of(remove) == []
    assert events_of(AddFilm(FILM, 7.5), remove, remove, AddFilm(FILM)) == [
        (EventType.ADD, 7.5, None),
        (EventType.DELETE, None, 7.5),
        (EventType.ADD, None, None),
    ]


def test_the_same_additions_again_take_back_what_was_changed_since() -> None:
    """What a second run of an import does to whoever went on meanwhile; its help says so."""
    other = Film("b", "Film b")
    imported = AddFilm(FILM, 7.5), AddFilm(other, 6.0)
    assert events_of(*imported, *imported) == [(EventType.ADD, 7.5, None), (EventType.ADD, 6.0, None)]
    assert events_of(*imported, AddFilm(FILM, 9.0), RemoveFilm("b"), *imported)[-2:] == [
        (EventType.UPDATE, 7.5, 9.0),
        (EventType.ADD, 6.0, None),
    ]


def test_only_a_new_film_takes_the_time_it_was_watched_at() -> None:
    earlier, later = EPOCH - timedelta(days=2, microseconds=1), EPOCH - timedelta(days=1)
    added, updated = effective_events("u", [AddFilm(FILM, 7.0, earlier), AddFilm(FILM, 8.0, later)], {}, stamps())
    assert added.watched_at == updated.watched_at == EPOCH - timedelta(days=2, milliseconds=1)
    assert added.added_at == updated.added_at == added.event_time == EPOCH + timedelta(minutes=1)
    (unwatched,) = effective_events("u", [AddFilm(FILM)], {}, stamps())
    assert unwatched.watched_at == unwatched.event_time


def test_an_event_of_a_listed_film_keeps_the_title_it_was_added_with() -> None:
    (added,) = effective_events("u", [AddFilm(FILM)], {}, stamps())
    entry = replay([added]).entries["a"]
    renamed = AddFilm(Film("a", "Another title", genres=("Comedy",)), 9.0)
    event = event_of("u", renamed, entry, next(stamps(1)))
    assert event is not None
    assert (event.movie_name, event.genres) == ("Film a", ("Drama",))


def _change(movie: int, rating: float | None, kind: str) -> Change:
    film = Film(f"m{movie}", f"Film {movie}")
    return RemoveFilm(film.movie_id) if kind == "remove" else AddFilm(film, KEEP_RATING if kind == "keep" else rating)


changes = st.lists(
    st.builds(_change, st.integers(0, 4), ratings, st.sampled_from(["add", "keep", "remove"])), max_size=40
)


@given(changes, st.integers(0, 40))
def test_events_replay_to_what_was_asked_for_however_the_changes_are_grouped(asked: list[Change], cut: int) -> None:
    wanted: dict[str, int | None] = {}
    for change in asked:
        if isinstance(change, RemoveFilm):
            wanted.pop(change.movie_id, None)
        elif change.rating is not KEEP_RATING:
            wanted[change.movie_id] = to_tenths(change.rating)
        else:
            wanted.setdefault(change.movie_id, None)
    whole = effective_events("u", asked, {}, stamps())
    first = effective_events("u", asked[:cut], {}, stamps())
    state = replay(first, Watchlist())
    second = effective_events("u", asked[cut:], state.entries, stamps(state.sequence))
    assert first + second == whole
    assert [event.sequence for event in whole] == list(range(1, len(whole) + 1))
    assert {entry.movie_id: entry.rating_tenths for entry in replay(whole).entries.values()} == wanted
