"""The handoff between batch and speed: what keeps readers exact while the published generation changes.

The speed view of every user must start no later than the published boundary. So the speed view is cut after a
publication that moves boundaries up, and prolonged to the left before one that moves them down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cinematch.batches import batches
from cinematch.contracts.erasure import Floors
from cinematch.contracts.generations import Generations
from cinematch.contracts.speed_view import SpeedView, WholeHistory
from cinematch.errors import Conflict
from cinematch.telemetry import get_logger

PAGE_USERS: Final = 1_000
_log = get_logger(__name__)


def reset_speed_layer_deltas(generations: Generations, speed_view: SpeedView, confirm: Callable[[], None]) -> int:
    """Advance every user of the speed view to the published boundary; how many users were looked at.

    Not a reset: it removes just those events that the published batch contains, whatever is in flight. It may run
    twice, late or half. `confirm` is called before each page, and raises when somebody else has taken over, for then
    the published boundaries may have moved down again. Raises StoreUnavailable, and what `confirm` raises.
    """
    published = generations.published()
    if published is None:
        return 0
    users = 0
    for page in batches(speed_view.users(), PAGE_USERS):
        boundaries = generations.boundaries(published.number, page)
        confirm()
        speed_view.advance(boundaries)
        users += len(page)
    return users


def restore_tails(
    generations: Generations, speed_view: SpeedView, history: WholeHistory, floors: Floors, target: int
) -> int:
    """Prepare a publication of `target`: give back to the speed view what only the published generation contains.

    Afterwards the tail of every user whose boundary will move down starts at the target's boundary. May run twice or
    half: a longer tail changes no answer. Nobody's boundary is below that of the generation that `target` builds on, so
    the usual night has nothing to look for. Gives the number of users restored. Raises Conflict, before anything that a
    reader could see has changed, when `history` no longer has a needed event; StoreUnavailable.
    """
    published = generations.published()
    if published is None or published.number in (target, generations.get(target).base):
        return 0
    restored = 0
    for page in generations.boundary_pages(published.number, PAGE_USERS):
        targets = generations.boundaries(target, list(page))
        erased = floors.floors([user_id for user_id, boundary in page.items() if targets.get(user_id, 0) < boundary])
        for user_id, boundary in page.items():
            start = max(targets.get(user_id, 0), erased.get(user_id, 0))
            if start < boundary:
                _restore(speed_view, history, user_id, start, boundary)
                restored += 1
    return restored


def _restore(speed_view: SpeedView, history: WholeHistory, user_id: str, start: int, reach: int) -> None:
    events = history.events_after(user_id, start, reach)
    last = events[-1].sequence if events else start
    if last < reach:
        raise Conflict(
            f"user {user_id!r}: event {last + 1} is neither in the outbox nor in the lake, "
            "so a generation without it cannot be merged with today's events"
        )
    speed_view.replace(user_id, start, events)  # what was applied since we read the history stays
