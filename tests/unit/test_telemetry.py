"""What the log tells of a defect: where it happened, and no values."""

from __future__ import annotations

import logging

import pytest

from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging, get_logger


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("library", [False, True])
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str], as_json: bool, library: bool) -> None:
    configure_logging(as_json=as_json)
    password = "".join(["s3c", "r3t"])
    try:
        raise RuntimeError(f"{len(password)} characters")
    except RuntimeError as error:
        if library:
            logging.getLogger("uvicorn.error").error("failed", exc_info=error)
        else:
            get_logger("ours").error("failed", exc_info=error)
    told = capsys.readouterr().err
    assert "RuntimeError: 6 characters" in told
    assert "test_telemetry.py" in told
    assert "s3cr3t" not in told
    assert told.count("\n") == 1 or not as_json


@pytest.mark.parametrize("library", ["httpx", "pymongo"])
def test_a_library_that_tells_each_request_is_heard_only_when_it_warns(
    capsys: pytest.CaptureFixture[str], library: str
) -> None:
    """The demo asks the API twice a second, on the terminal of whoever watches it."""
    configure_logging()
    logging.getLogger(library).info("HTTP Request: GET")
    logging.getLogger(library).warning("it was refused")
    told = capsys.readouterr().err
    assert "it was refused" in told
    assert "HTTP Request" not in told


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("library", [False, True])
def test_known_secrets_and_passwords_of_addresses_are_masked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool, library: bool
) -> None:
    """A driver logs its whole configuration; a secret may hold what JSON or Python write in another way."""
    secret = "p4ss\"word\\of'kafka"
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", secret)
    monkeypatch.setenv("REDIS_URL", "rediss://ann:s3cr%40t-of-redis@redis:6379/0")
    load_settings()
    configure_logging("DEBUG", as_json=as_json)
    logger = logging.getLogger("library") if library else get_logger("ours")
    logger.info(f"started with { ({'sasl_plain_password': secret}) } and s3cr@t-of-redis")
    logger.info("asked mongodb://bob:only-bob-knows@mongodb/db and rediss://ann:s3cr%40t-of-redis@redis:6379/0")
    told = capsys.readouterr().err
    assert [it for it in ("p4ss", "of-redis", "only-bob-knows") if it in told] == []
    assert "mongodb://bob:***@mongodb/db" in told
    assert "'sasl_plain_password': " in told
