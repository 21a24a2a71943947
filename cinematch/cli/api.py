"""The command that serves the HTTP API."""

from __future__ import annotations

from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging


def api() -> None:
    """Serve the API of all installed layers on API_HOST:API_PORT, until Ctrl-C."""
    from cinematch.api.server import run  # the web framework takes a while: only this command pays for it

    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    run(settings)
