"""The application as a browser meets it: served by a real uvicorn in a thread, with real stores behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import APIRouter

from cinematch.api.application import create_app
from cinematch.local_stack.ports import LOOPBACK, free_port
from cinematch.settings import Settings

START_SECONDS = 30.0


@dataclass(frozen=True)
class Site:
    """A running application: where it is, and what it was made of."""

    url: str
    settings: Settings


@contextmanager
def served(settings: Settings, routers: Sequence[APIRouter]) -> Iterator[Site]:
    """Serve `routers` on a free port until the block ends."""
    port = free_port()
    config = uvicorn.Config(
        create_app(settings, routers), LOOPBACK, port, log_config=None, timeout_graceful_shutdown=1, lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"site-{port}", daemon=True)
    thread.start()
    try:
        _await_start(server, thread)
        yield Site(f"http://{LOOPBACK}:{port}", settings)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the application did not start")
        time.sleep(0.02)
