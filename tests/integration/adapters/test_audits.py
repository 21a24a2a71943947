"""The records of audits: so many are kept, and one that found a drift is not swept away by those that find none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cinematch.adapters import mongodb_audits
from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_client import connect
from cinematch.contracts.audit_record import AuditRecord
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration

NOW = datetime(2026, 1, 20, tzinfo=UTC)
WELL = AuditRecord(NOW, NOW, "lambda", users=9, equal=9, drift=0, without_history=0, unanswered=0, incomplete=0)


def test_a_drift_outlives_the_audits_after_it_and_neither_grow_without_end(
    mongo_server: MongoServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongodb_audits, "RECORDS_KEPT", 3)
    with connect(settings) as client:
        database = client[settings.mongodb_database]
        audits = Audits(database)
        assert audits.last() is audits.last_drift() is None
        for number in range(1, 6):
            audits.keep(replace(WELL, equal=9 - number, drift=number))
        for number in range(5):
            audits.keep(replace(WELL, users=number))
        last, last_drift = audits.last(), audits.last_drift()
        assert last is not None
        assert (last.users, last.drift) == (4, 0)
        assert last_drift is not None
        assert last_drift.drift == 5
        assert sorted(it["drift"] for it in database["audits"].find()) == [0, 0, 0, 3, 4, 5]
