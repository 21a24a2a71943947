"""The proof of an erasure: what was removed where, how many, and when; of the user only the digest of the id."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cinematch.contracts.erasure import Erasure

WAITS_FOR_FIRST_ATTEMPT: Final = "its first attempt"
KEPT: Final = (
    "Kafka keeps its records until their retention; this report, the floor and the digest of the id stay, so that no "
    "sequence is issued twice; the counts of the global trends stay without this user's share"
)


_EXAMPLE: Final[dict[str, JsonValue]] = {
    "user_digest": "bb82030dbc2bcaba32a90bf2e207a84a856fc5f033b77c480836ab6f77f40f19",
    "erased_at": "2026-01-19T14:10:00Z",
    "last_sequence": 17,
    "finished_at": None,
    "steps": [
        {"step": "ingestion", "removed": {"movies": 9}, "waits_for": None, "done_at": "2026-01-19T14:10:00Z"},
        {
            "step": "data_lake",
            "removed": {},
            "waits_for": "the lake sink: not all events are in the lake",
            "done_at": None,
        },
    ],
    "kept": KEPT,
}


class ErasureStep(BaseModel):
    """One place: how much was removed, and what it waits for."""

    step: str
    removed: dict[str, int]
    waits_for: str | None = Field(description="Why it is not done; null: it is")
    done_at: datetime | None


class ErasureReport(BaseModel):
    """What has become of an erasure."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    user_digest: str = Field(description="SHA-256 of the user's id, in hex")
    erased_at: datetime = Field(description="From then on no answer has anything of this user")
    last_sequence: int = Field(description="The last event that was erased; later ones go on from it")
    finished_at: datetime | None = Field(description="When nothing was left anywhere; null: see the steps")
    steps: list[ErasureStep]
    kept: str = KEPT


def report(erasure: Erasure, steps: list[str]) -> ErasureReport:
    """Tell of an erasure; `steps` names all that must be done."""
    names = dict.fromkeys((*erasure.steps, *steps))
    return ErasureReport(
        user_digest=erasure.digest,
        erased_at=erasure.erased_at,
        last_sequence=erasure.floor,
        finished_at=erasure.finished_at,
        steps=[_step(name, erasure.steps.get(name)) for name in names],
    )


def _step(name: str, fields: Any) -> ErasureStep:
    if fields is None:
        return ErasureStep(step=name, removed={}, waits_for=WAITS_FOR_FIRST_ATTEMPT, done_at=None)
    waits_for = None if fields.get("done_at") else fields.get("waits_for")
    return ErasureStep(step=name, removed=fields.get("removed", {}), waits_for=waits_for, done_at=fields.get("done_at"))
