"""The figures of the last audit, as Prometheus gets them."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from batch_layer.audit_metrics import OUTCOMES, AuditFigures
from cinematch.contracts.audit_record import AuditRecord

ENDED = datetime.now(UTC) - timedelta(hours=2)
RECORD = AuditRecord(ENDED, ENDED, "lambda", users=10, equal=6, drift=1, without_history=2, unanswered=1, incomplete=3)


def test_the_outcomes_of_the_last_audit_and_its_age_are_told() -> None:
    before = datetime.now(UTC)
    users, age = AuditFigures(lambda: RECORD)()
    after = datetime.now(UTC)
    told = {sample.labels["outcome"]: sample.value for sample in users.samples}
    assert told == {"equal": 6, "drift": 1, "without_history": 2, "unanswered": 1}
    assert before <= ENDED + timedelta(seconds=age.samples[0].value) <= after


def test_no_outcome_is_forgotten() -> None:
    others = {"started_at", "finished_at", "mode", "users", "incomplete"}
    assert set(OUTCOMES) == {field.name for field in fields(AuditRecord)} - others
    assert sum(getattr(RECORD, outcome) for outcome in OUTCOMES) == RECORD.users


def test_before_the_first_audit_nothing_is_told() -> None:
    assert AuditFigures(lambda: None)() == []
