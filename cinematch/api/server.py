"""The API's process: one uvicorn with one event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import uvicorn
from fastapi import APIRouter

from cinematch.api.application import create_app
from cinematch.settings import Settings

GRACE_SECONDS: Final = 10


def run(settings: Settings, routers: Iterable[APIRouter] | None = None) -> None:
    """Serve on `api_host`:`api_port` until SIGTERM or SIGINT; requests under way are answered first.

    Exits the process with a status other than 0 when the start fails. The caller has configured logging.
    """
    uvicorn.run(
        create_app(settings, routers),
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
