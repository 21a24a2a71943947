"""GET /users/{user_id}/export: one at a time for a user, and of others meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx

from cinematch.api.application import create_app
from cinematch.api.seats import Seats
from cinematch.settings import Settings
from ingestion.personal_data.routes import router

PATIENCE_SECONDS = 60.0


class SlowExport:
    """Copies that end when a test lets them."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def of(self, user_id: str) -> Iterator[bytes]:
        """Give the copy of one user; that of anna waits."""
        yield b"{"
        if user_id == "anna":
            self.begun.set()
            assert self.may_end.wait(PATIENCE_SECONDS)
        yield b"}"

    def check(self, user_id: str) -> None:
        """Find everybody."""

    parts = of


async def test_a_user_has_one_export_at_a_time_until_it_is_sent() -> None:
    export = SlowExport()
    app = create_app(Settings(), [router])
    state: dict[str, Any] = {
        "personal_data": SimpleNamespace(export=export),
        "exports": Seats("the export", 10, per_sender=1),
    }

    async def running(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(running), base_url="http://127.0.0.1") as client:
        first = asyncio.create_task(client.get("/users/anna/export"))
        assert await asyncio.to_thread(export.begun.wait, PATIENCE_SECONDS)
        refused = await client.get("/users/anna/export")
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        assert (await client.get("/users/bob/export")).text == "{}"
        export.may_end.set()
        assert (await first).text == "{}"
        assert (await client.get("/users/anna/export")).text == "{}"
