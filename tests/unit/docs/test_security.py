"""The threat model: every row names a defence and tests for it."""

from __future__ import annotations

import re
from pathlib import Path

from cinematch.api.application import MAX_BODY_BYTES
from cinematch.api.connection import HEAD_BYTES_MAX
from cinematch.api.rate_limits import ADDRESS_PER_MINUTE, USER_PER_MINUTE
from cinematch.api.seats import PER_SENDER
from cinematch.contracts.access_token import ALGORITHM, MIN_KEY_BITS
from cinematch.settings import Settings
from ingestion.personal_data.routes import EXPORTS_MAX
from serving_layer.dashboard import looks, operation
from tests.named_tests import NAMED

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(r"^\| (?P<attack>.+?) \| (?P<defence>.+?) \| (?P<tests>.*tests/.+?) \|$", re.MULTILINE)
TABLE = PAGE.partition("## Attack, defence, test")[2].partition("\n## ")[0]
ENOUGH = 25


def test_every_row_of_the_table_has_a_defence_and_names_tests() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= ENOUGH
    for row in rows:
        match = ROW.match(row)
        assert match, row
        assert all(named["test"] for named in NAMED.finditer(match["tests"])), f"name the test: {row}"
        assert NAMED.sub("", match["tests"]).strip(" ,") == "", row


def test_the_figures_of_the_page_are_the_codes() -> None:
    assert f"signed with {ALGORITHM}" in PAGE
    assert f"at least {MIN_KEY_BITS} bits" in PAGE
    assert f"| {USER_PER_MINUTE} a minute with `AUTH=jwt`" in PAGE
    assert f"| {ADDRESS_PER_MINUTE} a minute with `AUTH=jwt`" in PAGE
    assert f"| head of a request | {HEAD_BYTES_MAX // 1024} KiB" in PAGE
    assert f"| body of a request | {MAX_BODY_BYTES // 1024} KiB" in PAGE
    streams = f"{looks.WATCHERS_MAX} of users, {looks.WATCHERS_MAX} of the trends, {operation.WATCHERS_MAX}"
    assert f"| streams of events at a time | {streams} of the operator's page |" in PAGE
    assert f"one address's | {PER_SENDER} of each kind" in PAGE
    assert f"at a time, in one process | 1, and {EXPORTS_MAX} of all users |" in PAGE


def test_the_figures_of_the_page_are_the_settings() -> None:
    given = Settings.model_fields
    patience, wait = given["api_read_seconds"].default, given["min_sequence_wait_seconds"].default
    stores = [given[f"{store}_timeout_seconds"].default for store in ("mongodb", "redis")]
    assert PAGE.count(f" KiB, {patience:g} s | `API_READ_SECONDS` |") == len(["head", "body"])
    assert f"| {patience:g} s without any progress | `API_READ_SECONDS` |" in PAGE
    assert f"(`min_sequence`) | {wait:g} s | `MIN_SEQUENCE_WAIT_SECONDS` |" in PAGE
    assert f"| waiting for a store | {stores[0]:g} s for MongoDB, {stores[1]:g} s for Redis |" in PAGE
    assert f"of one process | {given['api_connections_max'].default}; more get 503 |" in PAGE


def test_there_is_a_way_to_report_a_weakness() -> None:
    policy = (ROOT / "SECURITY.md").read_text()
    assert "Report a weakness" in policy
    assert "docs/security.md" in policy
