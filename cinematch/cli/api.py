"""`cinematch api`: the process that answers HTTP."""

from __future__ import annotations

from cinematch.adapters.otlp_spans import export_spans
from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging


def api() -> None:
    """Serve the routes of every installed layer until SIGTERM (API_HOST, API_PORT)."""
    from cinematch.api import server  # the framework and the layers' routes are this command's alone

    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "api")
    server.run(settings)
