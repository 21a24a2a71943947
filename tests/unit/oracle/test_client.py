"""A client that insists is told no for a long time, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.oracle import client as clients
from tests.oracle.client import Acknowledged, Excused, NeverAcknowledged, Writer
from tests.oracle.history import History
from tests.oracle.oracle import WrongAnswer

Answer = Callable[[httpx.Request], httpx.Response]
ADDED = {"changed": True, "sequence": 1, "event_id": "e1"}


def refused(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, text="MongoDB is unavailable")


def gone(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def hanging(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("nothing came")


class Api:
    """Acknowledges each addition under the next number; what it answers to a removal is given."""

    def __init__(self, *to_removals: int) -> None:
        self.removals = list(to_removals)
        self._added = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(self.removals.pop(0), json={})
        self._added += 1
        return httpx.Response(200, json=ADDED | {"sequence": self._added, "event_id": f"e{self._added}"})


def change(answer: Answer, folder: Path, times: int = 1, is_excused: Excused = lambda _: False) -> Acknowledged:
    acknowledged = Acknowledged()
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://api") as client:
        writer = Writer(lambda: client, acknowledged, ["ann"], ["f1"], Random(1), is_excused)
        for _ in range(times):
            writer.change(History(folder / "history"))
    return acknowledged


ENOUGH_TO_REMOVE = 20
"""Changes among which there is a removal, by the seed."""


@pytest.mark.parametrize(
    ("answer", "last"), [(refused, "503 MongoDB is unavailable"), (gone, r"ConnectError\('refused'\)")]
)
def test_a_change_that_is_never_acknowledged_ends_the_run_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, last: str
) -> None:
    monkeypatch.setattr(clients, "INSIST_SECONDS", 0.0)
    with pytest.raises(NeverAcknowledged, match=rf"POST /movies .*'user_id': 'ann'.* after 0 s still {last}"):
        change(answer, tmp_path, is_excused=lambda _: True)


def test_an_api_that_runs_may_refuse_but_not_be_silent(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswer, match=r"http://api/? runs, and gave no answer: ConnectError\('refused'\)"):
        change(gone, tmp_path)


def test_an_api_that_was_killed_may_be_silent_until_it_is_back(tmp_path: Path) -> None:
    answers: list[Answer] = [gone, lambda _: httpx.Response(200, json=ADDED)]
    found = change(lambda request: answers.pop(0)(request), tmp_path, is_excused=lambda _: True)
    assert found.reached == {"ann": 1}


def test_nobody_may_let_a_request_hang(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswer, match=r"gave no answer in 5\.0 s"):
        change(hanging, tmp_path, is_excused=lambda _: True)


def test_a_change_is_sent_again_until_it_is_acknowledged(tmp_path: Path) -> None:
    answers: list[Answer] = [refused, lambda _: httpx.Response(200, json=ADDED)]
    assert change(lambda request: answers.pop(0)(request), tmp_path).reached == {"ann": 1}
    assert answers == []


def test_a_number_that_is_given_twice_is_wrong(tmp_path: Path) -> None:
    names = iter(["e1", "e2"])
    with pytest.raises(WrongAnswer, match="event 1 was acknowledged as e1, and again as e2"):
        change(lambda _: httpx.Response(200, json=ADDED | {"event_id": next(names)}), tmp_path, times=2)


def test_a_film_that_is_gone_without_having_been_removed_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswer, match="DELETE /movies/f1"):
        change(Api(404), tmp_path, ENOUGH_TO_REMOVE)


def test_a_film_that_an_attempt_may_have_removed_may_be_gone(tmp_path: Path) -> None:
    api = Api(503, 404, *[404] * ENOUGH_TO_REMOVE)
    with pytest.raises(WrongAnswer):  # the second removal, which is not there without an attempt before it
        change(api, tmp_path, 2 * ENOUGH_TO_REMOVE)
    assert len(api.removals) == ENOUGH_TO_REMOVE - 1
