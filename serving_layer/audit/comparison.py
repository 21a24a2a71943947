"""The comparison of one answer with a replay: field by field, every field, by the one definition in cinematch.domain.

Pure. What is compared:

- the figures, with the statistics of the list after the `applied_sequence` that the answer claims;
- in mode `incremental` the live counters may be ahead of that, all of them at one and the same later event: the one
  that agrees with most of them is taken;
- the claims: order of the sequences, `complete`, the events that had been issued before the question;
- what is derived: `realtime_delta_count`, `batch_updated_at`, `last_updated`.

The catalog is no part of the log. Hours, people and posters that differ are no drift while a film of the user was
refreshed after the view was computed: then, and only then, the answer may have been computed with another catalog.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cinematch.domain.statistics import Statistics, statistics_of
from cinematch.domain.watchlist import Film
from cinematch.settings import StatsMode
from serving_layer.audit.finding import Difference
from serving_layer.audit.user_log import UserLog
from serving_layer.films import FILM_SECONDS, may_have_changed

Answer = dict[str, Any]

LIVE_COUNTERS: Final = ("total_watched", "avg_rating", "genre_data", "favorite_genre")
"""What Redis keeps ahead of the rest in mode `incremental`."""
OF_THE_CATALOG: Final = frozenset({"watch_time_hours", "best_rated_directors", "best_directors", "most_watched_actors"})
WITH_POSTERS: Final = frozenset({"top_rated_movies", "recent_movies"})
ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a user without the views: the log, today's catalog entries of its films, the last sequence
    issued before the question and after it, and when it was asked."""

    log: UserLog
    films: Mapping[str, Film]
    issued: tuple[int, int]
    asked_at: datetime

    def stats(self, sequence: int) -> Statistics:
        """Replay the log up to `sequence`."""
        return statistics_of(self.log.replayed(sequence), self.films)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs; `catalog_newer`: something does that a newer catalog explains."""

    differences: list[Difference]
    catalog_newer: bool = False


def compare(user_id: str, answer: Answer, evidence: Evidence) -> Comparison:
    """Compare a whole answer; `evidence.log` must reach its `applied_sequence`."""
    live = _live_sequence(answer, evidence)
    expected = _expected(user_id, answer, evidence, live)
    differing = {name: value for name, value in expected.items() if answer[name] != value}
    explained = {name for name in differing if _explained(name, answer, differing[name], evidence)}
    applied, first = answer["freshness"]["applied_sequence"], evidence.log.floor + 1
    differences = [
        Difference(ANSWER, name, answer[name], value, first, live if name in LIVE_COUNTERS else applied)
        for name, value in differing.items()
        if name not in explained
    ]
    return Comparison(differences + list(_claims(answer, evidence)), catalog_newer=bool(explained))


def _live_sequence(answer: Answer, evidence: Evidence) -> int:
    """Give the event that the live counters reach: in mode `incremental` the first at which most of them agree."""
    covers = answer["freshness"]
    applied: int = covers["applied_sequence"]
    if covers["mode"] != StatsMode.INCREMENTAL:
        return applied
    agreeing = {
        sequence: sum(evidence.stats(sequence)[name] == answer[name] for name in LIVE_COUNTERS)
        for sequence in range(applied, evidence.log.last + 1)
    }
    return max(agreeing, key=lambda sequence: agreeing[sequence])


def _expected(user_id: str, answer: Answer, evidence: Evidence, live: int) -> Answer:
    """Give every field but `freshness`, whose claims have their own check."""
    covers = answer["freshness"]
    as_of, applied = covers["as_of_sequence"], covers["applied_sequence"]
    stats, counters = evidence.stats(applied), evidence.stats(live)
    expected: Answer = {"user_id": user_id, **stats, **{name: counters[name] for name in LIVE_COUNTERS}}
    expected["realtime_delta_count"] = counters["total_watched"] - evidence.stats(as_of)["total_watched"]
    if covers["batch_generation"] is None:
        expected["batch_updated_at"] = None
    if covers["mode"] == StatsMode.LAMBDA:
        happened = [event.event_time for event in evidence.log.between(max(as_of, applied - 1), applied)]
        expected["last_updated"] = max([*happened, *filter(None, [answer["batch_updated_at"]])], default=None)
    return expected


def _explained(name: str, answer: Answer, expected: Any, evidence: Evidence) -> bool:
    """Say whether a newer catalog explains that this field differs."""
    if name in WITH_POSTERS:
        if _without_posters(answer[name]) != _without_posters(expected):
            return False
    elif name not in OF_THE_CATALOG:
        return False
    return may_have_changed(evidence.films.values(), since=_computed_at(answer, evidence))


def _computed_at(answer: Answer, evidence: Evidence) -> datetime:
    """Give a time since which the catalog was read for every figure of the answer."""
    lately = evidence.asked_at - timedelta(seconds=FILM_SECONDS)
    view: datetime | None = answer["last_updated"]
    if answer["freshness"]["mode"] == StatsMode.LAMBDA:
        view = answer["batch_updated_at"]
    return lately if view is None else min(view, lately)


def _without_posters(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "poster_path"} for row in rows]


def _claims(answer: Answer, evidence: Evidence) -> Iterator[Difference]:
    """Find claims that are not so: an answer must not look fresher or more complete than it is."""
    covers = answer["freshness"]
    as_of, applied, latest = (covers[f"{name}_sequence"] for name in ("as_of", "applied", "latest"))
    (before, after), first = evidence.issued, evidence.log.floor + 1
    if not 0 <= as_of <= applied <= latest:
        order = {"as_of_sequence": as_of, "applied_sequence": applied, "latest_sequence": latest}
        yield Difference(ANSWER, "freshness", order, "sequences in this order, none above the next", first, latest)
    if not before <= latest <= max(after, before):
        expected = f"{before} to {after}, the last issued before and after the question"
        yield Difference(ANSWER, "freshness.latest_sequence", latest, expected, first, latest)
    if covers["complete"] and applied < before:
        yield Difference(ANSWER, "freshness.complete", True, f"False: {before} events were issued", first, applied)
    if (covers["batch_generation"] is None) != (answer["batch_updated_at"] is None):
        expected = "a generation and its time, or neither"
        yield Difference(ANSWER, "freshness.batch_generation", covers["batch_generation"], expected, first, as_of)
    if answer["last_updated"] is None and as_of > evidence.log.floor:
        yield Difference(ANSWER, "last_updated", None, "a time: a view has been computed", first, as_of)
