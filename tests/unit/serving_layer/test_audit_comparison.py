"""The audit's comparison: no field of an answer may be wrong without being named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cinematch.client.models import UserStats
from cinematch.domain.statistics import statistics_of
from cinematch.domain.watchlist import replay
from cinematch.settings import StatsMode
from serving_layer.audit.comparison import Evidence, compare
from serving_layer.audit.user_log import UserLog
from tests.histories import add, delete, film, update

BATCH_AT = datetime(2027, 1, 1, 3, tzinfo=UTC)
FILMS = {name: film(name, directors=("A. Rossi",), actors=("B. Bianchi",), runtime_minutes=90) for name in ("m1", "m2")}
FIRST = add(1, "m1", 7.5, genres=("Drama",))
SECOND = add(2, "m2", 9.0, genres=("Drama",))
LOG = [FIRST, SECOND, update(3, FIRST, 8.0), delete(4, SECOND)]
EVIDENCE = Evidence(UserLog(LOG), FILMS, (4, 4), BATCH_AT + timedelta(hours=8))


def answer(**changes: Any) -> dict[str, Any]:
    """Give the right answer of mode `lambda`: two events from the batch, one live, one on its way."""
    freshness = {
        "mode": StatsMode.LAMBDA,
        "batch_generation": 1,
        "as_of_sequence": 2,
        "applied_sequence": 3,
        "latest_sequence": 4,
        "complete": False,
    }
    document = {
        "user_id": "user",
        **statistics_of(replay(LOG[:3]), FILMS),
        "last_updated": BATCH_AT,
        "batch_updated_at": BATCH_AT,
        "realtime_delta_count": 0,
        "freshness": freshness | changes.pop("freshness", {}),
    }
    return UserStats.model_validate(document | changes).model_dump()


def fields(given: dict[str, Any]) -> set[str]:
    return {each.field for each in compare("user", given, EVIDENCE).differences}


def test_the_right_answer_has_no_difference() -> None:
    assert fields(answer()) == set()


WRONG: dict[str, Any] = {
    "user_id": "somebody else",
    "total_watched": 3,
    "avg_rating": None,
    "rating_chart_data": [],
    "top_rated_movies": [],
    "recent_movies": [],
    "genre_data": [],
    "favorite_genre": "Comedy",
    "watch_time_hours": 3.1,
    "best_rated_directors": {},
    "best_directors": [],
    "most_watched_actors": [],
    "stats_version": "3.1",
    "last_updated": BATCH_AT - timedelta(days=1),
    "realtime_delta_count": 1,
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(field: str) -> None:
    assert fields(answer(**{field: WRONG[field]})) == {field}


def test_every_field_of_an_answer_is_compared() -> None:
    assert set(UserStats.model_fields) - set(WRONG) == {"batch_updated_at", "freshness"}
    assert fields(answer(batch_updated_at=None)) == {"freshness.batch_generation", "last_updated"}
    assert fields(answer(batch_updated_at=BATCH_AT + timedelta(hours=1))) == {"last_updated"}


@pytest.mark.parametrize(
    ("claim", "field"),
    [
        ({"latest_sequence": 3}, "freshness.latest_sequence"),
        ({"latest_sequence": 5}, "freshness.latest_sequence"),
        ({"complete": True}, "freshness.complete"),
        ({"batch_generation": None}, "batch_updated_at"),
        ({"as_of_sequence": 4}, "freshness"),
        ({"applied_sequence": 4}, "total_watched"),
    ],
)
def test_a_claim_that_is_not_so_is_named(claim: dict[str, Any], field: str) -> None:
    assert field in fields(answer(freshness=claim))


class TestAUserWhoWasErasedAndCameBack:
    """Events 1 to 4 are erased; 5 and 6 are new, and nothing is published of them."""

    EVIDENCE = Evidence(UserLog([add(5, "m1", 7.5), add(6, "m2", 9.0)], floor=4), FILMS, (6, 6), EVIDENCE.asked_at)

    def back(self, **changes: Any) -> dict[str, Any]:
        covers = {"batch_generation": None, "as_of_sequence": 4, "applied_sequence": 6, "latest_sequence": 6}
        events = self.EVIDENCE.log.events
        document = {
            **statistics_of(self.EVIDENCE.log.replayed(6), FILMS),
            "last_updated": events[-1].event_time,
            "batch_updated_at": None,
            "realtime_delta_count": 2,
            "freshness": covers | {"complete": True} | changes.pop("freshness", {}),
        }
        return answer(**document | changes)

    def differences(self, given: dict[str, Any]) -> dict[str, tuple[int, int]]:
        found = compare("user", given, self.EVIDENCE).differences
        return {each.field: (each.first, each.last) for each in found}

    def test_is_compared_with_a_replay_from_the_floor(self) -> None:
        assert self.differences(self.back()) == {}
        assert self.differences(self.back(total_watched=3, realtime_delta_count=3)) == {
            "total_watched": (5, 6),
            "realtime_delta_count": (5, 6),
        }

    def test_may_have_an_answer_of_nothing_while_the_first_event_is_on_its_way(self) -> None:
        empty = {**statistics_of(self.EVIDENCE.log.replayed(4), FILMS), "realtime_delta_count": 0, "last_updated": None}
        assert self.differences(self.back(**empty, freshness={"applied_sequence": 4, "complete": False})) == {}
