"""Global trends: how many lists hold a film that was added since the window's start.

A film counts once for each list it stands in, if it was added at or after `window_start`. ADD adds one, DELETE takes
one away when its ADD was counted, UPDATE changes nothing; so counts always equal a recount of the lists, and never
fall below zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from cinematch.domain.events import Event, EventType

WINDOW: Final = timedelta(days=30)
"""How far back the bootstrap counts."""
TREND_PLACES: Final = 10
_WEIGHT: Final = {EventType.ADD: 1, EventType.UPDATE: 0, EventType.DELETE: -1}


@dataclass(slots=True)
class TrendIncrements:
    """What a group of events adds to the counts: by movie_id, by genre, and how far each user's log is counted."""

    movies: Counter[str] = field(default_factory=Counter)
    genres: Counter[str] = field(default_factory=Counter)
    titles: dict[str, str] = field(default_factory=dict)
    progress: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hole:
    """Sequences of one user that are missing: those between `after` and `before`, without either."""

    user_id: str
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class FilmCount:
    """A film of the trends: how many lists hold it; title, poster and year are those of its first count."""

    movie_id: str
    title: str
    count: int
    poster_path: str | None
    year: int | None = None


def trend_increments(events: Iterable[Event], progress: Mapping[str, int], window_start: datetime) -> TrendIncrements:
    """Count the events after each user's `progress` (user_id -> last counted sequence; absent = 0), once each.

    `events` may hold repeats and any mix of users; of one user, events come in the order of the log.
    """
    increments = TrendIncrements()
    for event in events:
        last = increments.progress.get(event.user_id, progress.get(event.user_id, 0))
        if event.sequence <= last:
            continue
        increments.progress[event.user_id] = event.sequence
        weight = _weight(event, window_start)
        if weight:
            increments.titles[event.movie_id] = event.movie_name
            increments.movies[event.movie_id] += weight
            for genre in dict.fromkeys(event.genres):
                increments.genres[genre] += weight
    return increments


def holes(events: Iterable[Event], progress: Mapping[str, int]) -> list[Hole]:
    """Find what is missing between each user's `progress` and the events, and between the events themselves.

    Of one user, events come in the order of the log; repeats and events up to the progress are no matter.
    """
    reached = dict(progress)
    found: list[Hole] = []
    for event in events:
        last = reached.get(event.user_id, 0)
        if event.sequence > last + 1:
            found.append(Hole(event.user_id, last, event.sequence))
        reached[event.user_id] = max(last, event.sequence)
    return found


def _weight(event: Event, window_start: datetime) -> int:
    added_at = event.added_at or event.event_time
    return _WEIGHT[event.event_type] if added_at >= window_start else 0


def popularity_key(movie_id: str, title: str, count: int) -> tuple[int, str, str]:
    """Give the sort key of the top films: most lists first, then title, then movie_id."""
    return (-count, title, movie_id)


def compared(published: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Give what trends counted at `now` are compared with: the last ones of an earlier day, in UTC.

    - previous_top: movie_ids of their top films, the first place first
    - compared_with: when they were counted (ISO 8601 with offset)

    `published` are the trends that those of `now` replace: when their day has passed they are the ones, else whatever
    they were compared with. Both fields are None until a first day has passed.
    """
    if published is None:
        return {"previous_top": None, "compared_with": None}
    if _utc_day(datetime.fromisoformat(published["updated_at"])) < _utc_day(now):
        top = [film["movie_id"] for film in published["top_movies"]]
        return {"previous_top": top, "compared_with": published["updated_at"]}
    return {"previous_top": published.get("previous_top"), "compared_with": published.get("compared_with")}


def _utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
