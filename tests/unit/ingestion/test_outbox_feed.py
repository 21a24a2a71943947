"""The feed of the outbox asks MongoDB in a rhythm while events come thick, and at once when one comes alone."""

from __future__ import annotations

from typing import Any

import pytest

from cinematch.adapters import mongodb_outbox_feed
from cinematch.adapters.mongodb_outbox_feed import PACE_SECONDS, OutboxFeed
from cinematch.contracts.event_codec import to_document
from tests.histories import add


class Clock:
    """Time that passes only while somebody sleeps, or the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Stream:
    """A change stream whose calls give `answers`, one list of changes each."""

    def __init__(self, *answers: int) -> None:
        self._answers = list(answers)
        self._here = 0

    @property
    def has_next(self) -> bool:
        return self._here > 0

    def try_next(self) -> dict[str, Any] | None:
        if not self._here:
            self._here = self._answers.pop(0)
        if not self._here:
            return None
        self._here -= 1
        return {"fullDocument": to_document(add(1, "heat"))}


def test_a_rhythm_while_events_come_thick_and_no_delay_for_a_lone_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(mongodb_outbox_feed, "time", clock)
    stream: Any = Stream(0, 1, 2, 0)
    feed = OutboxFeed(stream)
    assert feed.next() is None  # nothing there
    assert feed.next() is not None
    assert clock.slept == [0, 0]
    clock.now += PACE_SECONDS / 4
    assert feed.next() is not None
    assert clock.slept[2:] == [pytest.approx(PACE_SECONDS * 3 / 4)]
    assert feed.next() is not None  # it came with the one before
    clock.now += 1
    assert feed.next() is None
    assert clock.slept[3:] == [0]
