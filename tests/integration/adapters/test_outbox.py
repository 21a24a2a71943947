"""The outbox on a real MongoDB: exactly what lacks somewhere is handed to the relay once more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.contracts.missing_events import Gap
from cinematch.domain.changes import AddFilm
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.settings import Settings
from tests.micro_batch_stage import FILMS, Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def outbox(mongo_server: MongoServer, settings: Settings) -> Iterator[Outbox]:
    """Two users with five events each, all published."""
    with connect(settings) as client:
        stage = Stage(settings, client)
        for user in ("ann", "bob"):
            stage.change(user, *(AddFilm(film, 7.0) for film in FILMS[:5]))
        outbox = Outbox(stage.database)
        outbox.mark_published(list(outbox.unpublished()))
        yield outbox


def waiting(outbox: Outbox) -> list[tuple[str, int]]:
    return [(event.user_id, event.sequence) for event in outbox.unpublished()]


def test_exactly_the_gaps_are_published_again_and_once(outbox: Outbox) -> None:
    missing = {"ann": [Gap(2, 2), Gap(4, 9)], "bob": [Gap(1, 1)], "cid": [Gap(1, 3)]}
    assert outbox.publish_again(missing) == 4
    assert waiting(outbox) == [("ann", 2), ("ann", 4), ("ann", 5), ("bob", 1)]
    assert outbox.publish_again(missing) == 0, "what waits already is not counted again"
    outbox.mark_published(list(outbox.unpublished()))
    assert waiting(outbox) == []


def test_nothing_missing_asks_nothing(outbox: Outbox) -> None:
    assert outbox.publish_again({}) == outbox.publish_again({"ann": []}) == 0
    assert waiting(outbox) == []
