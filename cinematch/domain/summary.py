"""A user's summary: small enough for one document, rich enough to merge later events into it exactly.

The law of this module, for any list, any later events and any catalog:

    statistics(merge(summarise(list), events)) == statistics(summarise(list after events))

or `merge` answers `WHOLE_LIST_NEEDED` because deletions have eaten the margin of runners-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from cinematch.domain.events import Event
from cinematch.domain.rankings import Key, Ranking
from cinematch.domain.totals import NO_CREDIT, Credit, Totals
from cinematch.domain.watchlist import Film, ListEntry, Watchlist, entry_before

PLACES: Final = 10
"""Rows shown of each ranking."""
KEEP_FILMS: Final = 50
"""Rows kept of the film rankings: 40 of a user's best films may go before the whole list is needed."""
KEEP_DIRECTORS: Final = 3_000
"""Rows kept of the directors: everybody, up to some 10,000 films. One who is not kept may come from nowhere to the top,
for two films make a mean; so a cut here would need the whole list for nearly every addition."""
KEEP_ACTORS: Final = 300
"""Rows kept of the actors: whoever is not kept has as few films as the last one, and stays far from the top."""
RATED_FILMS_OF_A_DIRECTOR: Final = 2
"""A mean of fewer rated films says nothing about a director."""
_BEST_TENTHS: Final = 100


class RankedFilm(NamedTuple):
    """A list entry as the film rankings show it."""

    movie_id: str
    title: str
    rating_tenths: int | None
    watched_at: datetime
    poster_path: str | None


class Person(NamedTuple):
    """A director or an actor with their credit in one list."""

    name: str
    credit: Credit


PersonKey = Callable[[Person], Key]
BestCase = Callable[[Person, Credit], Key]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that `statistics` needs, after event `sequence`; the people of `totals` are in the rankings."""

    sequence: int = 0
    totals: Totals = field(default_factory=Totals)
    top_rated: Ranking[RankedFilm] = field(default_factory=Ranking)
    recent: Ranking[RankedFilm] = field(default_factory=Ranking)
    directors: Ranking[Person] = field(default_factory=Ranking)
    actors: Ranking[Person] = field(default_factory=Ranking)


class WholeListNeeded:
    """Outcome of a merge that the kept rows cannot answer; fold the whole list instead."""


WHOLE_LIST_NEEDED: Final = WholeListNeeded()


def top_rated_key(film: RankedFilm) -> Key:
    """Best rating first; of equal ones the later watched; then by movie_id."""
    return (-(film.rating_tenths or 0), -film.watched_at.timestamp(), film.movie_id)


def recent_key(film: RankedFilm) -> Key:
    """Last watched first; of equal times by movie_id."""
    return (-film.watched_at.timestamp(), film.movie_id)


def director_key(person: Person) -> Key:
    """Best mean rating first, then more films, then name; those with too few rated films come last.

    Means are compared exactly: of fewer than a million ratings each, two that differ do so by far more than the spacing
    of floating-point numbers, and division rounds equal ones alike.
    """
    name, credit = person
    if credit.rated < RATED_FILMS_OF_A_DIRECTOR:
        return (1, 0, -credit.films, name)
    return (0, -credit.rating_tenths / credit.rated, -credit.films, name)


def is_ranked_director(person: Person) -> bool:
    """Say whether enough of the director's films are rated."""
    return person.credit.rated >= RATED_FILMS_OF_A_DIRECTOR


def actor_key(person: Person) -> Key:
    """Most films first, then name."""
    return (-person.credit.films, person.name)


def summarise(watchlist: Watchlist, films: Mapping[str, Film]) -> Summary:
    """Build the summary of a whole list; `films` is the catalog by movie_id and may lack some."""
    entries = watchlist.entries.values()
    totals = Totals.of(entries, films)
    ranked = [_ranked(entry, films) for entry in entries]
    directors, actors = _people(totals.directors), _people(totals.actors)
    totals.directors, totals.actors = {}, {}
    return Summary(
        sequence=watchlist.sequence,
        totals=totals,
        top_rated=Ranking.of((film for film in ranked if film.rating_tenths is not None), top_rated_key, KEEP_FILMS),
        recent=Ranking.of(ranked, recent_key, KEEP_FILMS),
        directors=Ranking.of(directors, director_key, KEEP_DIRECTORS),
        actors=Ranking.of(actors, actor_key, KEEP_ACTORS),
    )


def merge(summary: Summary, tail: Iterable[Event], films: Mapping[str, Film]) -> Summary | WholeListNeeded:
    """Merge one user's later events into the summary of the earlier ones.

    `tail` holds the events after `summary.sequence`, by sequence, without gap or repeat; `films` the catalog entries of
    their films, the same as when the summary was made. Cost: O(tail + kept rows), whatever the length of the list.
    """
    touched = _touched(tail, summary.sequence)
    before, after = touched.before, touched.now.entries
    change = Totals.of(after.values(), films)
    for entry in before.values():
        change.count(entry, films.get(entry.movie_id), -1)
    ranked = [_ranked(entry, films) for entry in after.values()]
    rated = [film for film in ranked if film.rating_tenths is not None]
    merged = Summary(
        sequence=touched.now.sequence,
        directors=_merged_people(summary.directors, change.directors, director_key, _best_director),
        actors=_merged_people(summary.actors, change.actors, actor_key, _best_actor),
        totals=summary.totals + _without_people(change),
        top_rated=summary.top_rated.replaced(top_rated_key, touched.films, rated),
        recent=summary.recent.replaced(recent_key, touched.films, ranked),
    )
    return merged if _is_certain(merged) else WHOLE_LIST_NEEDED


@dataclass(slots=True)
class _Touched:
    """The films that a tail speaks of: their entries before it, and as it leaves them."""

    now: Watchlist
    before: dict[str, ListEntry] = field(default_factory=dict)
    films: set[str] = field(default_factory=set)


def _is_certain(summary: Summary) -> bool:
    return (
        summary.top_rated.trusts(PLACES)
        and summary.recent.trusts(PLACES)
        and summary.directors.trusts(PLACES, is_ranked_director)
        and summary.actors.trusts(PLACES)
    )


def _touched(tail: Iterable[Event], sequence: int) -> _Touched:
    touched = _Touched(now=Watchlist(sequence=sequence))
    for event in tail:
        if event.movie_id not in touched.films:
            touched.films.add(event.movie_id)
            entry = entry_before(event)
            if entry is not None:
                touched.before[event.movie_id] = touched.now.entries[event.movie_id] = entry
        touched.now.apply(event)
    return touched


def _merged_people(
    ranking: Ranking[Person],
    change: Mapping[str, Credit],
    key: PersonKey,
    best_case: BestCase,
) -> Ranking[Person]:
    """Apply changes of credit to a ranking of people.

    Somebody whom an incomplete ranking does not know has an unknown credit behind the last kept one; `best_case` bounds
    where the change may have taken them.
    """
    known = {name: credit for name, credit in ranking.rows if name in change}
    certain = change if ranking.complete else known
    unknown = [delta for name, delta in change.items() if name not in certain]
    changed = [Person(name, known.get(name, NO_CREDIT).plus(change[name])) for name in certain]
    last = ranking.rows[-1] if ranking.rows else Person("", NO_CREDIT)
    return ranking.replaced(
        key,
        removed=certain,
        added=[person for person in changed if person.credit.films > 0],
        unknown_from=min((best_case(last, delta) for delta in unknown), default=None),
    )


def _best_actor(last: Person, delta: Credit) -> Key:
    return (-(last.credit.films + delta.films), "")


def _best_director(last: Person, delta: Credit) -> Key:
    """Bound the mean: at best that of the last kept one, or one unseen film rated 10 beside the new ones.

    Taking ratings away may raise a mean by any amount.
    """
    if delta.rated < 0 or (delta.rated == 0 and delta.rating_tenths > 0):
        return (0, -_BEST_TENTHS)
    best = (_BEST_TENTHS + delta.rating_tenths) / (1 + delta.rated)
    if is_ranked_director(last):
        best = max(best, last.credit.rating_tenths / last.credit.rated)
    return (0, -best)


def _people(credits: Mapping[str, Credit]) -> list[Person]:
    return list(map(Person._make, credits.items()))


def _without_people(totals: Totals) -> Totals:
    totals.directors, totals.actors = {}, {}
    return totals


def _ranked(entry: ListEntry, films: Mapping[str, Film]) -> RankedFilm:
    film = films.get(entry.movie_id)
    poster_path = film.poster_path if film else None
    return RankedFilm(entry.movie_id, entry.title, entry.rating_tenths, entry.watched_at, poster_path)
