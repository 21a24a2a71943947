"""The stream of the operator's page: news only, confirmed otherwise; a panel that hangs or fails does so alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel

from cinematch.api.operator import live_panels, operator_router, shown_live
from cinematch.errors import StoreUnavailable
from serving_layer.dashboard.looks import HEARTBEAT_SECONDS, Looks
from serving_layer.dashboard.operation import OperatorNews


class Panels:
    """Panels whose answers tests change; time moves by a second with each look at the clock."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {"lake": {"objects": 1}, "speed": {"keys": 2}}
        self.now = 0.0
        self.rounds = 0

    def clock(self) -> float:
        self.now += 1
        return self.now

    def looks(self, name: str) -> Looks:
        async def look(_key: str) -> Any:
            document = self.documents[name]
            if isinstance(document, Exception):
                raise document
            if document == "hangs":
                await asyncio.Event().wait()
            return document

        return Looks(look, 0.0)

    async def told(self, rounds: int, between: Callable[[int], None] = lambda _: None) -> list[tuple[str, Any]]:
        """Follow for some rounds; `between` comes before each."""
        news = OperatorNews({name: self.looks(name) for name in self.documents})

        async def ending() -> bool:
            self.rounds += 1
            between(self.rounds)
            return self.rounds > rounds

        events = [event async for event in news.follow(ending, self.clock, 0.001)]
        return [(str(event.event), event.data or json.loads(event.raw_data or "null")) for event in events]


def panels(told: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(data["name"], data["document"]) for event, data in told if event == "panel"]


async def test_a_panel_is_told_when_it_changes_and_confirmed_otherwise() -> None:
    source = Panels()

    def change(number: int) -> None:
        if number == 12:
            source.documents["lake"] = {"objects": 2}

    told = await source.told(30, change)
    assert [found for found in panels(told) if found[0] == "speed"] == [("speed", {"keys": 2})]
    assert [found[1] for found in panels(told) if found[0] == "lake"] == [{"objects": 1}, {"objects": 2}]
    beats = [data["confirmed"] for event, data in told if event == "heartbeat"]
    assert len(beats) >= 30 // (HEARTBEAT_SECONDS + 2)
    assert beats[-1] == ["lake", "speed"]


async def test_a_panel_that_hangs_holds_up_no_other_and_is_not_confirmed() -> None:
    source = Panels()
    source.documents["lake"] = "hangs"
    told = await source.told(20)
    assert panels(told) == [("speed", {"keys": 2})]
    assert {tuple(data["confirmed"]) for event, data in told if event == "heartbeat"} == {("speed",)}


async def test_a_panel_that_fails_is_told_once_and_again_when_it_is_well() -> None:
    source = Panels()
    source.documents["lake"] = StoreUnavailable("s3", "away")

    def heal(number: int) -> None:
        if number == 10:
            source.documents["speed"] = ValueError("a defect")
        if number == 15:
            source.documents |= {"lake": {"objects": 1}, "speed": {"keys": 2}}

    told = panels(await source.told(25, heal))
    assert [document for name, document in told if name == "lake"] == [None, {"objects": 1}]
    assert [document for name, document in told if name == "speed"] == [{"keys": 2}, None, {"keys": 2}]


def test_the_panels_are_those_that_their_layers_have_marked() -> None:
    router = operator_router()

    @router.get("/seen")
    @shown_live("seen")
    async def seen(request: Request) -> BaseModel:
        return BaseModel()

    @router.get("/unseen")
    async def unseen(request: Request) -> dict[str, int]:
        return {}

    app = FastAPI()
    app.include_router(router, prefix="/v1")
    assert list(live_panels(app)) == ["seen"]
