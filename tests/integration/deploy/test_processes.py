"""Processes that the deployments run, with the very variables of their manifests; only addresses are the tests'."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.generations import GenerationState
from cinematch.local_stack.layers import LAYERS, ApiProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.deployments import compose_environment, kubernetes_environment

pytestmark = pytest.mark.integration

API = next(spec for spec in LAYERS if spec.name == "api")
NOWHERE = "127.0.0.1:1"
PATIENCE_SECONDS = 300.0
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Deployed:
    """A running API, the keys that were made for it, and where its metrics are."""

    url: str
    metrics_url: str
    keys: Path

    def token(self, *options: str) -> str:
        """Issue a token as its documentation says."""
        return cinematch("--data-dir", str(self.keys), "token", "issue", *options)


def cinematch(*words: str) -> str:
    command = [sys.executable, "-m", "cinematch", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True).stdout.strip()


def addresses(settings: Settings, folder: Path) -> dict[str, str]:
    """What the test's own servers and folders change in a container's variables."""
    return {
        "API_PORT": str(free_port()),
        "CHECKPOINT_DIR": str(folder / "checkpoints"),
        "CINEMATCH_READY_FILE": str(folder / "ready"),
        "KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
        "METRICS_PORT": str(free_port()),
        "MONGODB_DATABASE": settings.mongodb_database,
        "MONGODB_URL": settings.mongodb_url,
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT_URL": f"http://{NOWHERE}",
    }


@pytest.fixture(params=["compose", "kubernetes"])
def deployed(
    request: pytest.FixtureRequest,
    mongo_server: MongoServer,
    redis_server: RedisServer,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Deployed]:
    """The API as a container of that deployment starts it."""
    with connect(settings) as client:
        ensure_schema(client[settings.mongodb_database])
    told = {"compose": compose_environment, "kubernetes": kubernetes_environment}[request.param]("api")
    keys = tmp_path / "keys"
    own = addresses(settings, tmp_path) | {"JWT_KEY_FILE": cinematch("--data-dir", str(keys), "token", "key")}
    api = ApiProcess(API, tmp_path, LogFile(tmp_path / "log"), told | own)
    api.start()
    try:
        api.wait_ready()
        yield Deployed(f"http://127.0.0.1:{own['API_PORT']}", f"http://127.0.0.1:{own['METRICS_PORT']}/metrics", keys)
    finally:
        api.kill()


def test_the_api_starts_and_lets_in_who_has_a_token_and_nobody_else(deployed: Deployed) -> None:
    own = f"{deployed.url}/v1/movies?user_id=me"
    assert httpx.get(own, trust_env=False, timeout=60).status_code == 401
    headers = {"Authorization": f"Bearer {deployed.token('--user', 'me')}"}
    assert httpx.get(own, headers=headers, trust_env=False, timeout=60).status_code == 200


def test_a_browser_signs_in_on_this_machines_address_without_tls(deployed: Deployed) -> None:
    with httpx.Client(base_url=deployed.url, trust_env=False, timeout=60) as browser:
        token = deployed.token("--user", "me", "--scope", "operator", "--minutes", "480")
        browser.post("/dashboard/session", json={"token": token}).raise_for_status()
        assert browser.get("/v1/movies?user_id=me").status_code == 200
        assert browser.get("/operator").status_code == 200


def test_prometheus_reads_the_apis_figures(deployed: Deployed) -> None:
    page = httpx.get(deployed.metrics_url, trust_env=False, timeout=60).text
    assert 'http_requests_total{handler="/health/ready",method="GET",status="2xx"}' in page


def test_what_alerts_on_nights_and_audits_ask_for_is_told_on_kubernetes(
    mongo_server: MongoServer, settings: Settings, tmp_path: Path
) -> None:
    """CronJobs do the work there, and their pods are gone when Prometheus comes."""
    with connect(settings) as client:
        a_bad_night(MongoGenerations(client[settings.mongodb_database]))
        Audits(client[settings.mongodb_database]).keep(AuditRecord(NOW, NOW, "lambda", 9, 7, 2, 0, 0, 0))
    told = kubernetes_environment("batch-metrics") | addresses(settings, tmp_path)
    process = subprocess.Popen([sys.executable, "-m", "cinematch", "batch", "metrics"], env=dict(os.environ) | told)
    try:
        page = scraped(f"http://127.0.0.1:{told['METRICS_PORT']}/metrics", process)
        assert "\ncinematch_batch_last_run_failed 1.0\n" in page
        assert "\ncinematch_batch_age_seconds " in page
        assert '\ncinematch_audit_users{outcome="drift"} 2.0\n' in page
        assert "\ncinematch_audit_age_seconds " in page
        assert "\ncinematch_audit_drift_age_seconds " in page
        process.terminate()
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def a_bad_night(generations: MongoGenerations) -> None:
    """Publish one generation, and let the run after it fail."""
    for hours_ago, state in ((30, GenerationState.READY), (6, GenerationState.FAILED)):
        began = NOW - timedelta(hours=hours_ago)
        number = generations.create("host/7/token", began, None, None).number
        generations.update(number, state=state, finished_at=began + timedelta(minutes=5))
        if state is GenerationState.READY:
            generations.publish(number, began + timedelta(minutes=5))


def scraped(address: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return httpx.get(address, trust_env=False, timeout=PATIENCE_SECONDS).text
        except httpx.ConnectError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
