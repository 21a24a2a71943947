"""Each layer of a stack has a page of metrics on an address of its own, and status shows it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cinematch.local_stack.layers import LAYERS, ApiProcess, LayerProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.stack import metrics_page, usual_ports
from cinematch.local_stack.watched_service import WatchedService


def test_each_layer_has_a_port_of_its_own() -> None:
    ports = usual_ports(LAYERS)
    pages = [ports[metrics_page(spec.name)] for spec in LAYERS]
    assert len(pages) == len(set(pages)) == len(LAYERS)
    assert len(set(ports.values())) == len(ports)


def test_the_status_of_a_layer_tells_where_its_metrics_are(tmp_path: Path) -> None:
    environment = {"METRICS_HOST": "127.0.0.1", "METRICS_PORT": "9101", "API_HOST": "127.0.0.1", "API_PORT": "8000"}
    log = LogFile(tmp_path / "log")
    relay = LayerProcess(LAYERS[1], tmp_path, log, environment)
    api = ApiProcess(LAYERS[0], tmp_path, log, environment)
    pages = [asdict(WatchedService(layer, lambda: 0.0).status())["metrics"] for layer in (relay, api)]
    assert pages == ["http://127.0.0.1:9101/metrics"] * 2
