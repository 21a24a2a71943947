"""Which generations stay: the published one, the last ones before it, and nothing that a killed run has left behind.

A record says first that a generation is gone, then its data goes: so a crash between the two is swept up next time.
Only the holder of the lease may call this.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from batch_layer.publication import Stores
from cinematch.contracts.generations import Generation, GenerationState
from cinematch.telemetry import get_logger

KILLED = "the run was killed"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_log = get_logger(__name__)


def sweep(stores: Stores, current: int) -> None:
    """Declare unfinished runs failed, and remove the data of every generation that is not complete.

    The `current` one is that of the run that sweeps: it has its empty collections, and no state yet. One that is there
    is of a time that MongoDB does not know any more, for it was put back to an older state.
    """
    records = stores.generations.all()
    for record in records:
        if record.state is GenerationState.BUILDING and record.number != current:
            stores.generations.update(record.number, state=GenerationState.FAILED, reason=KILLED)
            _log.warning("an earlier run was killed", generation=record.number, owner=record.owner)
    complete = {record.number for record in records if record.state is GenerationState.READY}
    for number in stores.generations.stored() - complete - {current}:
        stores.generations.drop(number)
    for number in stores.states.stored() - complete:
        stores.states.drop(number)


def retire(stores: Stores, kept: int, grace_seconds: float, now: datetime) -> list[int]:
    """Drop complete generations beyond the `kept` ones (the published one among them); their numbers.

    The latest that were published stay longest. One that was replaced less than `grace_seconds` ago stays, for a reader
    may be between its document and its whole list.
    """
    complete = [each for each in stores.generations.all() if each.state is GenerationState.READY]
    others = sorted((each for each in complete if not each.is_published), key=_last_use, reverse=True)
    deadline = now - timedelta(seconds=grace_seconds)
    retired = [each.number for each in others[kept - 1 :] if (each.replaced_at or _LONG_AGO) <= deadline]
    for number in retired:
        stores.generations.update(number, state=GenerationState.DROPPED)
        stores.generations.drop(number)
        stores.states.drop(number)
        _log.info("generation dropped", generation=number)
    return retired


def _last_use(generation: Generation) -> tuple[datetime, int]:
    return generation.replaced_at or generation.finished_at or _LONG_AGO, generation.number
