"""One batch run, from the lease to the retention: a commit protocol around a computation.

Killed anywhere, it can be run again: until the view is re-pointed nothing that a reader sees has changed, and what lies
around is swept up by the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from batch_layer.exclusion import wait_for_erasure
from batch_layer.missing_events import send_again
from batch_layer.publication import Stores, publish
from batch_layer.retention import retire, sweep
from cinematch.contracts.batch_document import DOCUMENT_VERSION
from cinematch.contracts.exclusion import Exclusion, Lease
from cinematch.contracts.generations import Generation, GenerationState
from cinematch.contracts.missing_events import Gap
from cinematch.errors import CineMatchError
from cinematch.settings import Settings
from cinematch.spans import first_span, first_trace, span
from cinematch.telemetry import get_logger

REASON_MAX_CHARACTERS: Final = 500
_log = get_logger(__name__)


class GenerationIncomplete(CineMatchError):
    """What was written is not what was computed; nothing is published."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compute: generation `number`, on the state of `base` (None: from every event ever), up to `as_of`.

    from_lists: on the users' lists as MongoDB has them, instead; then there is no base, and no as_of.
    """

    number: int
    base: Generation | None
    as_of: datetime | None
    started_at: datetime
    from_lists: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """What was computed and written; see `Generation`. `chunks`: documents of whole lists; times: of the new events.

    missing: what lacks before events that had to wait, of some of the waiting users, other ones each night.
    """

    users: int
    films: int
    chunks: int
    events: int
    waiting_users: int
    first_event_time: datetime | None
    last_event_time: datetime | None
    resume_offsets: Mapping[str, int]
    missing: Mapping[str, Sequence[Gap]] = field(default_factory=dict)


Build = Callable[[Plan], Built]


def run_batch(
    stores: Stores,
    lease: Lease,
    settings: Settings,
    build: Build,
    *,
    full: bool = False,
    from_lists: bool = False,
    as_of: datetime | None = None,
) -> Generation:
    """Compute the next generation and publish it.

    It builds on the published one, unless it shall be made from all events (`full`) or on the users' lists
    (`from_lists`, which goes with neither of the others).

    1. Take the lease; an erasure that has it is waited for.
    2. Record the generation as building: from here on a night that fails, or is killed, is on record.
    3. Sweep up what killed runs left, and choose what to build on.
    4. Compute and write it, count what was written, and record it as ready.
    5. Publish it (see `publish`).
    6. Have the outbox send again what lacks in the lake although later events are there: the next run goes on with it.
    7. Drop what is past the retention.

    A failure of 3 to 6 is recorded with its reason. Raises Conflict when another run is at work, StoreUnavailable,
    GenerationIncomplete, and whatever `build` raises.
    """
    wait_for_erasure(lease)
    with Exclusion(lease) as exclusion:
        started_at = datetime.now(UTC)
        number = stores.generations.create(lease.owner, started_at, None, as_of).number
        with first_span("batch run", first_trace(), generation=number):
            with _failure_recorded(stores, number, state=GenerationState.FAILED):
                sweep(stores, number)
                base = None if full or from_lists else choose_base(stores, as_of)
                stores.generations.update(number, base=base.number if base else None, from_lists=from_lists)
                with span("compute"):
                    built = _compute(stores, build, Plan(number, base, as_of, started_at, from_lists))
            with _failure_recorded(stores, number), span("publish"):  # it stays ready, and a rollback can publish it
                publish(stores, number, exclusion.confirm)
                stores.generations.update(number, sent_again=send_again(stores, built.missing))
            retire(stores, settings.batch_generations_kept, settings.batch_grace_seconds, datetime.now(UTC))
        return stores.generations.get(number)


def choose_base(stores: Stores, as_of: datetime | None) -> Generation | None:
    """Give the generation to build on: the published one; None when every event must be read.

    Its state must be whole, and contain nothing that happened at or after `as_of`; where the published one does not
    qualify, the newest complete one that does.
    """
    published = stores.generations.published()
    complete = [each for each in stores.generations.all() if each.state is GenerationState.READY]
    candidates = [published, *complete] if published else []
    states = stores.states.complete()
    for candidate in candidates:
        if candidate.number in states and (as_of is None or _ends_before(candidate, as_of)):
            return candidate
    if candidates:
        _log.warning("no generation to build on qualifies: every event is read again", as_of=as_of)
    return None


def _ends_before(generation: Generation, as_of: datetime) -> bool:
    return generation.last_event_time is None or generation.last_event_time < as_of


def _compute(stores: Stores, build: Build, plan: Plan) -> Built:
    started = time.monotonic()
    base = plan.base.number if plan.base else None
    _log.info("batch run", generation=plan.number, base=base, from_lists=plan.from_lists, as_of=plan.as_of)
    built = build(plan)
    written = stores.generations.counts(plan.number)
    if written != (built.users, built.chunks):
        raise GenerationIncomplete(
            f"generation {plan.number}: {built.users} documents and {built.chunks} chunks were computed, "
            f"{written[0]} and {written[1]} are there"
        )
    if built.waiting_users:
        _log.warning("events wait for earlier ones of their users", generation=plan.number, users=built.waiting_users)
    facts = asdict(built) | _event_range(built, plan)
    del facts["chunks"], facts["missing"]
    stores.generations.update(
        plan.number,
        state=GenerationState.READY,
        finished_at=datetime.now(UTC),
        seconds=round(time.monotonic() - started, 3),
        document_version=DOCUMENT_VERSION,
        **facts,
    )
    return built


def _event_range(built: Built, plan: Plan) -> dict[str, datetime | None]:
    """Give the times between which all contained events happened. Those of lists are unknown, and lie before now."""
    parts = [part for part in (built, plan.base) if part is not None]
    firsts = [it.first_event_time for it in parts if it.first_event_time]
    lasts = [it.last_event_time for it in parts if it.last_event_time]
    now = [datetime.now(UTC)] if plan.from_lists else []
    return {"first_event_time": min(firsts, default=None), "last_event_time": max(lasts + now, default=None)}


@contextmanager
def _failure_recorded(stores: Stores, number: int, **fields: Any) -> Iterator[None]:
    """Note on the record why the block failed, together with `fields`, as far as the store can be reached."""
    try:
        yield
    except BaseException as error:
        reason = (str(error) or type(error).__name__).strip().splitlines()[0][:REASON_MAX_CHARACTERS]
        try:
            stores.generations.update(number, finished_at=datetime.now(UTC), reason=reason, **fields)
        except CineMatchError as unavailable:
            _log.warning("the failure could not be recorded", generation=number, reason=str(unavailable))
        raise
