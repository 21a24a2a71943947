"""A client that insists is told no for a long time, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.oracle import client as clients
from tests.oracle.client import Acknowledged, NeverAcknowledged, Writer
from tests.oracle.history import History

Answer = Callable[[httpx.Request], httpx.Response]
ADDED = {"changed": True, "sequence": 1, "event_id": "e1"}


def refused(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, text="MongoDB is unavailable")


def silent(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("nothing came")


def change(answer: Answer, folder: Path) -> Acknowledged:
    acknowledged = Acknowledged()
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://api") as client:
        Writer(lambda: client, acknowledged, ["ann"], ["f1"], Random(1)).change(History(folder / "history"))
    return acknowledged


@pytest.mark.parametrize(
    ("answer", "last"), [(refused, "503 MongoDB is unavailable"), (silent, r"ReadTimeout\('nothing came'\)")]
)
def test_a_change_that_is_never_acknowledged_ends_the_run_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, last: str
) -> None:
    monkeypatch.setattr(clients, "INSIST_SECONDS", 0.0)
    with pytest.raises(NeverAcknowledged, match=rf"POST /movies .*'user_id': 'ann'.* after 0 s still {last}"):
        change(answer, tmp_path)


def test_a_change_is_sent_again_until_it_is_acknowledged(tmp_path: Path) -> None:
    answers: list[Answer] = [refused, lambda _: httpx.Response(200, json=ADDED)]
    assert change(lambda request: answers.pop(0)(request), tmp_path).reached == {"ann": 1}
    assert answers == []
