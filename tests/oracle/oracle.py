"""What every answer must be: a replay of the user's first `applied_sequence` events, and honest about it."""

from __future__ import annotations

from typing import Any

import orjson

from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics_of
from cinematch.domain.watchlist import Film, Watchlist, replay
from cinematch.settings import StatsMode

LIVE_COUNTERS = ("total_watched", "avg_rating", "genre_data", "favorite_genre")


class WrongAnswer(AssertionError):
    """An answer that is not what a replay gives, or that claims more than is so."""


def check(
    answer: dict[str, Any],
    log: list[Event],
    issued_before: int,
    films: dict[str, Film],
    replayed: Watchlist | None = None,
) -> Watchlist:
    """Check one answer against the user's log; give the list that it must be of.

    `issued_before`: the log's length when the read began; `replayed`: a list given for an answer before, to go on from.
    """
    covers = answer["freshness"]
    applied, latest = covers["applied_sequence"], covers["latest_sequence"]
    if not 0 <= covers["as_of_sequence"] <= applied <= latest <= len(log):
        raise WrongAnswer(f"sequences out of order: {covers}, {len(log)} events issued")
    if latest < issued_before:
        raise WrongAnswer(f"{issued_before} events had been issued, the answer knows of {latest}")
    if covers["complete"] and applied < issued_before:
        raise WrongAnswer(f"claims to be complete with {applied} of {issued_before} events")
    if replayed is None or replayed.sequence > applied:
        replayed = Watchlist()
    watchlist = replay(log[replayed.sequence : applied], replayed)
    _check_statistics(answer, log, watchlist, films)
    return watchlist


def check_complete(answer: dict[str, Any], log: list[Event], films: dict[str, Film]) -> None:
    """Check an answer given when nothing is in flight and nothing is broken: it must have everything, and say so."""
    check(answer, log, len(log), films)
    covers = answer["freshness"]
    if not covers["complete"] or covers["applied_sequence"] != len(log):
        raise WrongAnswer(f"everything has arrived, but the answer says {covers}")


def _check_statistics(answer: dict[str, Any], log: list[Event], watchlist: Watchlist, films: dict[str, Film]) -> None:
    expected, applied = as_shown(statistics_of(watchlist, films)), watchlist.sequence
    given = {name: as_shown(answer[name]) for name in expected}
    if answer["freshness"]["mode"] == StatsMode.INCREMENTAL:
        _check_live_counters(given, log, applied, films)
        expected |= {name: given[name] for name in LIVE_COUNTERS}
    wrong = {name: (given[name], value) for name, value in expected.items() if given[name] != value}
    if wrong:
        raise WrongAnswer(f"after {applied} events, (given, right): {wrong}")


def _check_live_counters(given: dict[str, Any], log: list[Event], applied: int, films: dict[str, Film]) -> None:
    """The counters of phase 2 are those after some event that the rest does not have yet."""
    for reach in range(applied, len(log) + 1):
        right = as_shown(statistics_of(replay(log[:reach]), films))
        if all(given[name] == right[name] for name in LIVE_COUNTERS):
            return
    raise WrongAnswer(f"no prefix of the log from {applied} on has these counters: {given}")


def as_shown(value: Any) -> Any:
    """Give a value, such as a whole statistics, as JSON shows it."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_UTC_Z))
