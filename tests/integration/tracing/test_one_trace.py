"""One request on real servers and processes: its trace id is found at every place that its event passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from cinematch.adapters import kafka_log_watch
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.contracts.speed_delta import origin_of
from cinematch.local_stack.layers import LAYERS, ApiProcess, LayerProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import free_port
from cinematch.settings import Settings
from cinematch.tracing import TRACEPARENT, Trace
from tests.environments import environment_of
from tests.lake_stage import Stage as LakeStage
from tests.otlp_collector import OtlpCollector, collecting
from tests.speed_stage import SpeedStage, reached

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(1_800)]
SECONDS = 600  # for a stream on a machine that has much else to do: its Spark alone took three minutes to start on one
NAMES = ("api", "relay", "speed_layer", "data_lake")
TRACE = Trace.begun()
SAMPLED = Trace(TRACE.trace_id, TRACE.span_id, sampled=True)
POISONED = Trace.begun()


@pytest.fixture
def collector() -> Iterator[OtlpCollector]:
    """Who collects the spans of all layers."""
    with collecting() as running:
        yield running


@pytest.fixture
def ports() -> dict[str, int]:
    """Where layers tell their metrics."""
    return {"speed_layer": free_port()}


@pytest.fixture
def logs(
    kafka_server: Any,
    minio_server: Any,
    spark_jars: Path,
    stage: SpeedStage,
    settings: Settings,
    tmp_path: Path,
    collector: OtlpCollector,
    ports: dict[str, int],
) -> Iterator[dict[str, LogFile]]:
    """The logs of the running layers; each writes JSON, one event a line."""
    own = {
        "otel_exporter_otlp_endpoint": collector.address,
        "api_port": free_port(),
        "lake_consumer_group": f"{settings.mongodb_database}-lake",
        "lake_flush_seconds": 0.5,
        "log_json": True,
        "spark_driver_memory": "512m",
        "spark_ui_port": 0,
        "speed_consumer_group": settings.mongodb_database,
    }
    environment = environment_of(settings, **own) | {"OTEL_BSP_SCHEDULE_DELAY": "200"}
    specs = {spec.name: spec for spec in LAYERS if spec.name in NAMES}
    found = {name: LogFile(tmp_path / name / "log") for name in NAMES}
    with ExitStack() as ends:
        layers = [
            (ApiProcess if name == "api" else LayerProcess)(
                specs[name], tmp_path / name, found[name], environment | {"METRICS_PORT": str(ports.get(name, 0))}
            )
            for name in NAMES
        ]
        for layer in layers:
            ends.callback(layer.kill)
            layer.start()
        for layer in layers:
            layer.wait_ready()
        post(f"http://127.0.0.1:{own['api_port']}", stage.user("ann"))
        yield found


def post(address: str, user_id: str) -> None:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        film = {"user_id": user_id, "movie_id": "twin-1", "rating": 8}
        assert client.post("/v1/movies", json=film, headers={TRACEPARENT: str(SAMPLED)}).status_code == 200


def told(log: LogFile, trace: Trace) -> list[dict[str, Any]]:
    """Give the lines of a log that have the trace's id."""
    lines = [line for line in log.last_lines(1_000) if line.startswith("{") and trace.trace_id in line]
    return [line for line in map(json.loads, lines) if line["trace_id"] == trace.trace_id]


def records(settings: Settings, topic: str) -> list[LogRecord]:
    watch = LogWatch(settings.kafka_bootstrap_servers)
    places = [LogPartition(topic, number) for number in range(settings.topic_partitions)]
    ends = watch.ends(topic)
    found = [watch.records({place: offset}) for place in places for offset in range(ends.get(place, 0))]
    watch.close()
    return [record for part in found for record in part.values()]


def figures(port: int) -> dict[tuple[str, ...], float]:
    """Give a layer's figures by name and values of labels."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=30).text
    families = text_string_to_metric_families(page)
    return {(it.name, *it.labels.values()): it.value for family in families for it in family.samples}


def test_one_trace_id_from_the_request_to_every_view(
    logs: dict[str, LogFile],
    stage: SpeedStage,
    settings: Settings,
    collector: OtlpCollector,
    ports: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_log_watch, "TIMEOUT_MS", 60_000)
    monkeypatch.setattr(kafka_log_watch, "RECORDS_SECONDS", 60.0)
    reached(lambda: all(told(logs[name], SAMPLED) for name in NAMES), SECONDS)
    (document,) = stage.database.outbox.find()
    (record,) = records(settings, settings.events_topic)
    (delta,) = records(settings, settings.speed_deltas_topic)
    ids = {it.trace.trace_id for it in (record, delta) if it.trace}
    assert ids == {TRACE.trace_id}
    assert document[TRACEPARENT].split("-")[1] == TRACE.trace_id
    assert origin_of(delta) == (record.place, record.offset)
    assert b"trace" not in (record.value or b"")
    events = {line.get("event_id") for name in ("api", "relay", "speed_layer") for line in told(logs[name], SAMPLED)}
    assert events == {document["event_id"]}

    names = ("request", "transaction", "publish", "apply")
    reached(lambda: set(names) <= collector.spans(TRACE.trace_id).keys(), SECONDS)
    spans = [collector.spans(TRACE.trace_id)[name] for name in names]
    assert [span.parent_id for span in spans] == [TRACE.span_id, *(span.span_id for span in spans[:-1])]
    assert [span.service for span in spans[1:]] == ["cinematch-api", "cinematch-relay", "cinematch-speed-layer"]

    poison(settings)
    reached(lambda: {letter.traceparent for letter in stage.letters().values()} == {str(POISONED)}, SECONDS)
    reached(lambda: bool(told(logs["speed_layer"], POISONED)) and bool(told(logs["data_lake"], POISONED)), SECONDS)
    assert {line["event"] for line in told(logs["speed_layer"], POISONED)} == {"a record is no event"}
    told_of_speed = figures(ports["speed_layer"])
    assert told_of_speed["cinematch_dead_letters_total", "speed_layer", "message"] == 1
    assert told_of_speed["cinematch_stream_running", "realtime"] == 1
    assert told_of_speed["cinematch_speed_repair_requests",] == 0
    lake = LakeStage(settings)
    reached(lambda: {letter.traceparent for letter in lake.letters()} == {str(POISONED)}, SECONDS)


def poison(settings: Settings) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    producer.send(settings.events_topic, b"{", key=b"p", headers=[(TRACEPARENT, str(POISONED).encode())])
    producer.close()
