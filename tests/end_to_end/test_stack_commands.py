"""`up`, `status`, `down` on the real servers and layers, with kill -9 in between."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.layers import installed_layers
from cinematch.local_stack.orphans import stack_processes
from tests.end_to_end.running_stack import RunningStack, eventually

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1_800)]
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def command(data_dir: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "cinematch", "--data-dir", str(data_dir), *arguments]


def run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(data_dir, *arguments), capture_output=True, text=True, timeout=300, check=False)


def restarts(stack: RunningStack, name: str) -> int:
    status = stack.status()
    count: int = {**status["servers"], **status["layers"]}[name]["restarts"]
    return count


def test_everything_runs_and_is_found(stack: RunningStack) -> None:
    stack.wait_until_healthy()
    status = stack.status()
    assert status["state"] == "running"
    assert set(status["layers"]) == {spec.name for spec in installed_layers()}
    ready = f"{status['api']}/health/ready"
    eventually(lambda: httpx.get(ready, timeout=30).status_code == 200, "the API is ready", 60)
    assert "<html" in httpx.get(status["minio_console"], timeout=30).text


def test_a_second_up_says_that_it_runs(stack: RunningStack) -> None:
    before = stack.status()["pid"]
    assert "already" in stack.cinematch("up", "--detach")
    assert stack.status()["pid"] == before


def test_a_running_stack_is_not_wiped(stack: RunningStack) -> None:
    result = run(stack.data_dir, "reset", "--yes")
    assert result.returncode == 1
    assert "already" in result.stderr


@pytest.mark.parametrize("name", ["redis", "minio", "api"])
def test_a_killed_part_comes_back_at_its_address_and_is_reported(stack: RunningStack, name: str) -> None:
    stack.wait_until_healthy()
    before, count = stack.status(), restarts(stack, name)
    killed = stack.kill(name)
    eventually(lambda: restarts(stack, name) > count, "it was started again", seconds=60)
    stack.wait_until_healthy()
    after = stack.status()
    part = {**after["servers"], **after["layers"]}[name]
    assert part["pid"] != killed
    assert "SIGKILL" in part["last_error"]
    addresses = ("api", "kafka", "mongodb", "redis", "s3", "minio_console")
    assert [after[key] for key in addresses] == [before[key] for key in addresses]


def test_logs_are_at_hand(stack: RunningStack) -> None:
    assert "kafka.server" in stack.cinematch("logs", "kafka", "-n", "50")
    unknown = run(stack.data_dir, "logs", "nonsense")
    assert unknown.returncode == 1
    assert "micro_batch" in unknown.stderr


def test_credentials_are_private_and_in_no_log(stack: RunningStack) -> None:
    for name in ("credentials.json", "environment.json"):
        assert stat.S_IMODE((stack.data_dir / name).stat().st_mode) == 0o600
    secret = json.loads((stack.data_dir / "credentials.json").read_text())["secret_access_key"]
    logs = [DataFolder(stack.data_dir).log(name).path for name in DataFolder(stack.data_dir).log_names()]
    assert len(logs) > 4
    assert [log for log in logs if secret in log.read_text(errors="replace")] == []
    assert secret not in stack.cinematch("status", check=False) + stack.cinematch("status", "--json", check=False)


def test_nothing_listens_beyond_loopback(stack: RunningStack) -> None:
    connections = [
        connection
        for process in stack_processes(stack.data_dir.resolve())
        for connection in process.net_connections("tcp")
    ]
    listening = {connection.laddr.ip for connection in connections if connection.status == "LISTEN"}
    assert listening
    assert listening <= LOOPBACK


def test_the_demo_runs_beside_another_stack_and_leaves_nothing_after_ctrl_c_but_its_data(
    stack: RunningStack, tmp_path: Path
) -> None:
    """It shows the top 10 and an answer that is part batch, part speed; only then does it wait for Ctrl-C."""
    first = demo_until_ctrl_c(tmp_path, stack)
    assert "5,000 events of 200 users written" in first
    assert "Generation 1 is published" in first
    second = demo_until_ctrl_c(tmp_path, stack)
    assert re.search(r"\b0 events of 200 users written .*, 5,000 were there already", second), second
    assert "is published" not in second  # an answer is part batch already


def demo_until_ctrl_c(folder: Path, stack: RunningStack) -> str:
    """Run the demo until it waits, and end it; what it shows."""
    with subprocess.Popen(command(folder, "demo"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = ""
        while "Ctrl-C stops everything" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        status = json.loads(run(folder, "status", "--json").stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    words = " ".join(shown.split())  # wherever the console breaks its lines
    assert "Top 10 of the community" in words
    assert re.search(r"from batch generation \d+, \d+ to \d+ from the speed layer \(complete\)", words), shown
    assert status["state"] == "running"
    assert status["api"] != stack.status()["api"]
    assert json.loads(run(folder, "status", "--json").stdout)["state"] == "stopped"
    assert stack_processes(folder.resolve()) == []
    return words


def test_a_layer_that_cannot_start_fails_up_with_its_last_lines(tmp_path: Path) -> None:
    broken = os.environ | {"BATCH_CRON": "whenever"}
    result = subprocess.run(
        command(tmp_path, "up", "--detach"), env=broken, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 1
    assert "scheduler does not start" in result.stderr
    assert "'whenever' is no cron expression" in result.stderr
    assert stack_processes(tmp_path.resolve()) == []


def test_a_stopped_stack_says_so(tmp_path: Path) -> None:
    assert "No stack runs" in run(tmp_path, "down").stdout
    status = json.loads(run(tmp_path, "status", "--json").stdout)
    assert (status["state"], status["api"]) == ("stopped", None)


def test_reset_wants_to_be_sure(tmp_path: Path) -> None:
    result = run(tmp_path, "reset")
    assert result.returncode == 1
    assert "--yes" in result.stderr
