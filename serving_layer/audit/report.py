"""What an audit found, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.event_codec import to_document
from cinematch.domain.events import Event
from cinematch.settings import StatsMode
from serving_layer.audit.finding import Difference, Finding, Outcome

EQUAL, DRIFT, COULD_NOT_CHECK = 0, 1, 2
"""Exit codes."""
EVENTS_SHOWN: Final = 50
"""Lines of events for people; programs get all of them."""


@dataclass
class Report:
    """The findings of one audit, as they come in. Only those that are not equal are kept whole."""

    mode: StatsMode
    started_at: datetime
    lake_fault: str | None = None
    notable: list[Finding] = field(default_factory=list)
    _outcomes: Counter[Outcome] = field(default_factory=Counter)
    _incomplete: int = 0
    _catalog_newer: int = 0

    def add(self, finding: Finding) -> None:
        """Take in one; the mode is that of whoever answered."""
        if finding.freshness:
            self.mode = finding.freshness["mode"]
        self._outcomes[finding.outcome] += 1
        self._catalog_newer += finding.catalog_newer
        if finding.outcome is Outcome.EQUAL:
            self._incomplete += finding.is_incomplete
        else:
            self.notable.append(finding)

    def record(self, finished_at: datetime) -> AuditRecord:
        """Give what is kept of it."""
        return AuditRecord(
            started_at=self.started_at,
            finished_at=finished_at,
            mode=self.mode.value,
            users=self._outcomes.total(),
            incomplete=self._incomplete,
            **{outcome.value: self._outcomes[outcome] for outcome in Outcome},
        )

    @property
    def exit_code(self) -> int:
        """0: whatever could be compared is equal; 1: something is not; 2: somebody gave no answer, or nothing could be
        compared at all (a system without users is equal)."""
        if self._outcomes[Outcome.DRIFT]:
            return DRIFT
        compared = self._outcomes[Outcome.EQUAL] or not self._outcomes.total()
        return EQUAL if compared and not self._outcomes[Outcome.UNANSWERED] else COULD_NOT_CHECK

    def lines(self) -> Iterator[str]:
        """Tell it to people."""
        counts = self._outcomes
        if not counts.total():
            yield "There is no user with an event yet."
            return
        yield (
            f"{counts.total()} users audited in mode {self.mode}: {counts[Outcome.EQUAL]} answers equal the replay of "
            f"their events, {counts[Outcome.DRIFT]} with drift, {counts[Outcome.WITHOUT_HISTORY]} without history, "
            f"{counts[Outcome.UNANSWERED]} unanswered."
        )
        if self._incomplete:
            yield f"{self._incomplete} of the equal answers say themselves that they are not complete yet."
        if self._catalog_newer:
            yield (
                f"{self._catalog_newer} answers show hours, people or posters of before the last catalog import: "
                "the next batch, or the micro-batch, brings them."
            )
        if self.lake_fault:
            yield f"The lake could not be read, the outbox alone was replayed: {self.lake_fault}"
        for finding in self.notable:
            yield from _finding_lines(finding)

    def document(self) -> dict[str, Any]:
        """Tell it to programs."""
        return {
            "mode": self.mode.value,
            "users": self._outcomes.total(),
            **{outcome.value: self._outcomes[outcome] for outcome in Outcome},
            "incomplete": self._incomplete,
            "catalog_newer": self._catalog_newer,
            "lake_fault": self.lake_fault,
            "findings": [_finding_document(finding) for finding in self.notable],
        }


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"\nuser {finding.user_id}: {finding.outcome.value.replace('_', ' ')}{_detail(finding)}"
    if finding.freshness:
        covers = finding.freshness
        yield (
            f"  the answer claims events 1 to {covers['applied_sequence']} of {covers['latest_sequence']}, 1 to "
            f"{covers['as_of_sequence']} of them from the slower view (generation {covers['batch_generation']}), "
            f"complete: {covers['complete']}"
        )
    for each in finding.differences:
        yield f"  {each.of}, {each.field}, by events {each.first} to {each.last}"
        yield f"    is        {_value(each.found)}"
        yield f"    should be {_value(each.expected)}"
    yield from _event_lines(finding.events)


def _event_lines(events: Sequence[Event]) -> Iterator[str]:
    if events:
        left_out = len(events) - EVENTS_SHOWN
        yield "  events" + (f" (the last {EVENTS_SHOWN} of {len(events)}; --json has all)" if left_out > 0 else "")
    for event in events[-EVENTS_SHOWN:]:
        rating = "no rating" if event.rating is None else f"rating {event.rating}"
        happened = f"{event.event_time:%Y-%m-%d %H:%M:%S}"
        yield f"    {event.sequence:>5} {happened} {event.event_type} {event.movie_id}, {rating}"


def _detail(finding: Finding) -> str:
    return f": {finding.detail}" if finding.detail else ""


def _value(value: Any) -> str:
    return orjson.dumps(value).decode()


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "user_id": finding.user_id,
        "outcome": finding.outcome.value,
        "detail": finding.detail,
        "freshness": finding.freshness,
        "differences": [_difference_document(each) for each in finding.differences],
        "events": [to_document(event) for event in finding.events],
    }


def _difference_document(difference: Difference) -> dict[str, Any]:
    return asdict(difference)
