"""The figures of the last audit, as Prometheus gets them."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from batch_layer.audit_metrics import OUTCOMES, AuditFigures
from cinematch.contracts.audit_record import AuditRecord

ENDED = datetime.now(UTC) - timedelta(hours=2)
RECORD = AuditRecord(ENDED, ENDED, "lambda", users=10, equal=6, drift=1, without_history=2, unanswered=1, incomplete=3)


def test_the_outcomes_of_the_last_audit_and_its_age_are_told() -> None:
    before = datetime.now(UTC)
    users, age, _ = AuditFigures(lambda: RECORD, lambda: None)()
    after = datetime.now(UTC)
    told = {sample.labels["outcome"]: sample.value for sample in users.samples}
    assert told == {"equal": 6, "drift": 1, "without_history": 2, "unanswered": 1}
    assert before <= ENDED + timedelta(seconds=age.samples[0].value) <= after


def test_no_outcome_is_forgotten() -> None:
    others = {"started_at", "finished_at", "mode", "users", "incomplete"}
    assert set(OUTCOMES) == {field.name for field in fields(AuditRecord)} - others
    assert sum(getattr(RECORD, outcome) for outcome in OUTCOMES) == RECORD.users


def test_before_the_first_audit_nothing_is_told() -> None:
    assert AuditFigures(lambda: None, lambda: None)() == []


def test_a_drift_is_told_whatever_audits_came_after_it() -> None:
    later = replace(RECORD, finished_at=ENDED + timedelta(hours=1), drift=0, equal=7)
    *_, none = AuditFigures(lambda: later, lambda: None)()
    _, age, drift_age = AuditFigures(lambda: later, lambda: RECORD)()
    assert none.samples == []
    assert drift_age.samples[0].value == pytest.approx(age.samples[0].value + 3600, abs=1)
