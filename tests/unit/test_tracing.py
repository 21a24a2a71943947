"""The trace that goes with an event: read as W3C has it, carried beside the event, told when it is sampled."""

from __future__ import annotations

import json

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from cinematch.adapters.mongodb_watchlist_plan import outbox_documents
from cinematch.api.application import create_app
from cinematch.contracts.dead_letter import decode, encode, rejection
from cinematch.contracts.event_codec import encode as encode_event
from cinematch.contracts.event_codec import from_document
from cinematch.contracts.log_record import LogPartition, LogRecord, trace_headers
from cinematch.settings import Settings
from cinematch.telemetry import configure_logging, get_logger
from cinematch.tracing import TRACEPARENT, Trace, current_trace, read_trace, tell_step, within
from tests.histories import add

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE_ID}-{SPAN_ID}-01"
PLACE = LogPartition("events", 0)


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("ff", True)])
def test_a_header_is_read(flags: str, sampled: bool) -> None:
    assert read_trace(f"00-{TRACE_ID}-{SPAN_ID}-{flags}".encode()) == Trace(TRACE_ID, SPAN_ID, sampled)


def test_a_later_version_may_say_more() -> None:
    assert read_trace(f"cc-{TRACE_ID}-{SPAN_ID}-01-what-comes-later") == Trace(TRACE_ID, SPAN_ID, sampled=True)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        b"",
        HEADER.upper(),
        HEADER + "-more",
        HEADER[:-1],
        "ff" + HEADER[2:],
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-0g",
        HEADER + "\n",
        b"\xff" * 55,
        "cc" + HEADER[2:] + "-" + "x" * 300,
    ],
)
def test_what_is_no_header_is_no_trace(header: str | bytes | None) -> None:
    assert read_trace(header) is None


@given(st.one_of(st.text(), st.binary()))
def test_any_text_is_a_trace_or_none(header: str | bytes) -> None:
    found = read_trace(header)
    assert found is None or read_trace(str(found)) == found


def test_a_step_stays_in_its_trace() -> None:
    trace = Trace(TRACE_ID, SPAN_ID, sampled=True)
    assert str(trace) == HEADER
    step = trace.step()
    assert (step.trace_id, step.sampled) == (TRACE_ID, True)
    assert step.span_id != SPAN_ID
    assert read_trace(str(Trace.begun())) is not None


def test_the_outbox_keeps_the_trace_beside_an_event_that_stays_the_same() -> None:
    event = add(1, "m")
    (plain,) = outbox_documents([event])
    with within(Trace(TRACE_ID, SPAN_ID, sampled=True)):
        (traced,) = outbox_documents([event])
    assert current_trace() is None
    assert TRACEPARENT not in plain
    assert traced == plain | {TRACEPARENT: HEADER}
    assert from_document(plain).traceparent is None
    assert from_document(traced).traceparent == HEADER
    assert from_document(traced) == from_document(plain) == event
    assert encode_event(from_document(traced)) == encode_event(event)


def test_a_letter_keeps_the_trace_of_its_record() -> None:
    headers = (("other", b"x"), *trace_headers(HEADER))
    letter = rejection(LogRecord(PLACE, 3, None, None, b"{", headers), "no JSON", "speed_layer")
    assert decode(encode(letter)).traceparent == HEADER
    assert rejection(LogRecord(PLACE, 3, None, None, b"{"), "no JSON", "speed_layer").traceparent is None
    forged = rejection(LogRecord(PLACE, 3, None, None, b"{", ((TRACEPARENT, b"forged"),)), "no JSON", "speed_layer")
    assert forged.traceparent is None


def test_a_letter_of_an_older_release_is_read() -> None:
    letter = rejection(LogRecord(PLACE, 3, None, None, b"{"), "no JSON", "speed_layer")
    older = {name: value for name, value in json.loads(encode(letter)).items() if name != TRACEPARENT}
    assert decode(json.dumps(older).encode()).traceparent is None


@pytest.fixture
def api() -> TestClient:
    router = APIRouter()

    @router.get("/trace")
    def trace() -> str:
        return str(current_trace())

    return TestClient(create_app(Settings(), [router]))


def test_a_request_goes_on_with_its_clients_trace(api: TestClient) -> None:
    within_request = read_trace(api.get("/trace", headers={TRACEPARENT: HEADER}).json())
    assert within_request is not None
    assert (within_request.trace_id, within_request.sampled) == (TRACE_ID, True)
    assert within_request.span_id != SPAN_ID


@pytest.mark.parametrize("own", [None, "019bd6a5-0f6e-7c3a-9d2b-0a4f5f6b7c8d"])
def test_a_trace_that_we_begin_has_the_digits_of_the_request_id(api: TestClient, own: str | None) -> None:
    answer = api.get("/trace", headers={"X-Request-ID": own} if own else {})
    begun = read_trace(answer.json())
    assert begun is not None
    assert begun.trace_id == answer.headers["X-Request-ID"].replace("-", "")
    assert not begun.sampled


@pytest.mark.parametrize("own", ["mine", "00000000-0000-0000-0000-000000000000"])
def test_a_request_id_without_such_digits_leaves_the_trace_to_chance(api: TestClient, own: str) -> None:
    begun = [read_trace(api.get("/trace", headers={"X-Request-ID": own}).json()) for _ in range(2)]
    assert None not in begun
    assert begun[0] != begun[1]


def test_only_sampled_traces_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(as_json=True)
    log = get_logger("ours")
    tell_step(log, None, "without a trace")
    tell_step(log, Trace(TRACE_ID, SPAN_ID), "not sampled")
    tell_step(log, Trace(TRACE_ID, SPAN_ID, sampled=True), "sampled", event_id="e")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["trace_id"], told["event_id"]) == ("sampled", TRACE_ID, "e")
