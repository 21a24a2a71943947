"""Our own errors end a process by one sentence that says what to do, and show no secret."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cinematch.errors import ConfigurationError, NotFound, StoreUnavailable
from cinematch.failures import ending_in_a_sentence, sentence
from cinematch.settings import load_settings

PROGRAMS = ("batch_layer", "cinematch", "data_lake", "ingestion", "micro_batch", "speed_layer")
TOPOLOGY = "127.0.0.1:1: connection refused, Timeout: 5.0s, Topology Description: <TopologyDescription id: 1, ...>" * 3


@pytest.mark.parametrize(
    ("store", "variable"),
    [
        ("mongodb", "MONGODB_URL"),
        ("kafka", "KAFKA_BOOTSTRAP_SERVERS"),
        ("s3", "S3_ENDPOINT_URL"),
        ("redis", "REDIS_URL"),
    ],
)
def test_a_server_that_does_not_answer_is_named_with_what_leads_to_it(store: str, variable: str) -> None:
    told = sentence(StoreUnavailable(store, TOPOLOGY))
    assert told.startswith(f"{store} does not answer (127.0.0.1:1: connection refused")
    assert f"start it with `cinematch up`, or let {variable} lead to it" in told
    assert "TopologyDescription" not in told


def test_one_of_our_own_errors_ends_a_process_in_its_sentence() -> None:
    with pytest.raises(SystemExit, match="cinematch: there is no film"), ending_in_a_sentence("cinematch"):
        raise NotFound("there is no film")


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_a_defect_keeps_its_traceback(error: BaseException) -> None:
    with pytest.raises(type(error)), ending_in_a_sentence("cinematch"):
        raise error


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("TOPIC_PARTITIONS", "0", "greater than or equal to 1"),
        ("STATS_MODE", "fast", "'micro_batch', 'cache_aside', 'incremental' or 'lambda'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, right: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"^{variable}: '{value}' is wrong: .*{right}"):
        load_settings()


@pytest.mark.parametrize(
    "program", ["ingestion", "data_lake", "speed_layer", "batch_layer", "micro_batch", "cinematch"]
)
def test_a_wrong_setting_ends_every_process_in_one_line(program: str) -> None:
    arguments = ["doctor"] if program == "cinematch" else []
    ended = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        env=os.environ | {"TOPIC_PARTITIONS": "many"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{program}: TOPIC_PARTITIONS: 'many' is wrong: Input should be a valid integer")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
