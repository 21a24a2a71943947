"""Publishing a generation: forwards after a run, backwards by a rollback; readers stay exact either way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from batch_layer.handoff import reset_speed_layer_deltas, restore_tails
from cinematch.contracts.batch_state import BatchStates
from cinematch.contracts.erasure import Floors
from cinematch.contracts.generations import Generation, Generations, GenerationState
from cinematch.contracts.missing_events import PublishedEvents
from cinematch.contracts.speed_view import SpeedView, WholeHistory
from cinematch.errors import Conflict, NotFound
from cinematch.telemetry import get_logger

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What a batch run works with beside Spark."""

    generations: Generations
    states: BatchStates
    speed_view: SpeedView
    history: WholeHistory
    floors: Floors
    outbox: PublishedEvents


def publish(stores: Stores, number: int, confirm: Callable[[], None]) -> None:
    """Make a complete generation the published one; `confirm` raises when somebody else has taken over.

    1. Where it reaches less far than the published one, the speed view gets the difference back.
    2. The view is re-pointed: the commit point. Whoever was suspended just before it, and has lost the lease meanwhile,
       points the view back at once.
    3. The speed view is cut at the new boundaries. A crash before that costs memory in Redis, never an answer; the next
       publication makes up for it.

    Raises Conflict (readers are exact before the commit point and after it), StoreUnavailable.
    """
    restored = restore_tails(stores.generations, stores.speed_view, stores.history, stores.floors, number)
    confirm()
    stores.generations.publish(number, datetime.now(UTC))
    try:
        confirm()
    except Conflict:
        _point_back(stores.generations, number)
        raise
    _log.info("generation published", generation=number, tails_restored=restored)
    users = reset_speed_layer_deltas(stores.generations, stores.speed_view, confirm)
    stores.generations.update(number, deltas_reset_at=datetime.now(UTC), reason=None)  # of an earlier attempt
    _log.info("speed layer deltas reset", generation=number, users=users)


def _point_back(generations: Generations, number: int) -> None:
    """Publish again what the others published last: tails may begin there already, so readers need it."""
    others = [it for it in generations.all() if it.state is GenerationState.READY and it.number != number]
    latest = max(others, key=lambda it: it.last_published_at or _NEVER, default=None)
    if latest is not None and latest.last_published_at is not None:
        generations.publish(latest.number, datetime.now(UTC))
        _log.warning("published too late and taken back", generation=number, published=latest.number)


def rollback_target(generations: Generations, number: int | None) -> Generation:
    """Give the generation to go back to: the one asked for, else the newest before the published one that was it once.

    One whose publication was refused is complete, too, but nobody has ever read it: only its number leads there.
    Raises NotFound, or Conflict when it is not complete, or already published.
    """
    published = generations.published()
    if number is not None:
        target = generations.get(number)
    else:
        older = [each for each in generations.all() if published and each.number < published.number]
        were_read = [each for each in older if each.state is GenerationState.READY and each.last_published_at]
        if not were_read:
            raise NotFound("there is no earlier generation to go back to")
        target = were_read[0]
    if target.is_published:
        raise Conflict(f"generation {target.number} is the published one already")
    if target.state is not GenerationState.READY:
        raise Conflict(f"generation {target.number} is {target.state.value}: it cannot be published")
    return target
