"""`python -m serving_layer`: the API with the routes of this layer only."""

from __future__ import annotations

from cinematch.adapters.otlp_spans import export_spans
from cinematch.api.server import run
from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging
from serving_layer.dashboard.routes import router as dashboard
from serving_layer.routes import router


def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "api")
    run(settings, [router, dashboard])


if __name__ == "__main__":
    main()
