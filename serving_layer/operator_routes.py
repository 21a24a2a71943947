"""What operators see of the serving layer: what the last audit of its answers found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_audits import Audits
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup
from cinematch.api.operator import KEEP_SECONDS, Panel, operator_router, panel, shown_live
from cinematch.api.resources import shared_resources
from cinematch.contracts.audit_record import AuditRecord
from cinematch.settings import StatsMode


class AuditOutcome(BaseModel):
    """One audit of a sample of users: `cinematch audit`. The four outcomes add up to `users`."""

    started_at: datetime
    finished_at: datetime
    mode: StatsMode
    users: int
    equal: int = Field(description="Answers that are what a replay of their users' events gives")
    drift: int = Field(description="Users of whom an answer, or the speed view, is something else: never to be seen")
    without_history: int = Field(description="Users whose events are erased or expired: nothing to replay")
    unanswered: int
    incomplete: int = Field(description="Equal answers that said that they lack events")


class AuditPanel(Panel):
    """The last audit, and the last one that found a drift; null where there was none."""

    last: AuditOutcome | None
    last_drift: AuditOutcome | None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-up; nothing is connected before the first."""
    settings = shared_resources(app).settings
    with mongodb_client.connect(settings) as client:
        audits = Audits(client[settings.mongodb_database])
        yield {
            "last_audit": Lookup(audits.last, KEEP_SECONDS),
            "last_drift": Lookup(audits.last_drift, KEEP_SECONDS),
        }


router = operator_router(lifespan=lifespan)


@router.get("/audit", summary="The last audits")
@open_to(Access.OPERATOR)
@shown_live("audit")
async def operator_audit(request: Request) -> AuditPanel:
    """Tell when answers were last compared with a replay of the event log, and what came of it."""
    looks = {"last": request.state.last_audit, "last_drift": request.state.last_drift}
    parts = await panel({name: ("mongodb", look) for name, look in looks.items()})
    records: dict[str, AuditRecord | None] = {name: parts.pop(name) for name in looks}
    outcomes = {name: None if it is None else AuditOutcome(**asdict(it)) for name, it in records.items()}
    return AuditPanel(**parts, **outcomes)
