"""The handoff stops as soon as somebody else has taken over: boundaries may have moved down by then."""

from __future__ import annotations

import pytest

from batch_layer import handoff
from batch_layer.publication import publish
from cinematch.errors import Conflict
from tests.histories import add, film
from tests.unit.batch_layer.worlds import BatchWorld

FILMS = {"m1": film("m1"), "m2": film("m2")}
USERS = [f"user-{number}" for number in range(6)]


def test_a_run_that_was_suspended_while_it_cut_tails_cuts_none_after_a_rollback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handoff, "PAGE_USERS", 2)
    world = BatchWorld(films=FILMS)
    world.happen([add(1, "m1", user_id=user) for user in USERS])
    world.run()
    world.happen([add(2, "m2", user_id=user) for user in USERS])
    world.run()
    confirmations: list[None] = []

    def taken_over_after_the_first_page() -> None:
        confirmations.append(None)
        if len(confirmations) == 3:  # before the commit point, before the first page, before the second
            publish(world.stores, 1, lambda: None)
            raise Conflict("another run has taken over")

    publish(world.stores, 1, lambda: None)
    with pytest.raises(Conflict):
        publish(world.stores, 2, taken_over_after_the_first_page)
    assert {user: world.speed_view.boundaries([user])[user][0] for user in USERS} == dict.fromkeys(USERS, 1)
    world.check_readers_exact()
