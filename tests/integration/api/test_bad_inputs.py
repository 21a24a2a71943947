"""Every bad input, at every operation: a problem that names the field, no defect, and nothing is changed.

Pages refuse no address: there a hostile text must leave the page as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.api.access import accesses
from cinematch.api.application import create_app
from cinematch.domain.watchlist import Film
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.integration.api.bad_dashboard_inputs import bad_dashboard_inputs
from tests.integration.api.bad_inputs import BadInput, bad_inputs
from tests.integration.api.hostile_texts import (
    HOSTILE_CONTROLS,
    HOSTILE_TEXTS,
    HostileText,
    hostile_texts,
    skeleton,
)
from tests.stored import all_stored
from tests.tokens import bearer, secured, token

ENOUGH = 200
OWN_HEADERS = {"content-length", "x-request-id"}
"""What differs from one answer to another."""


@pytest.fixture
def database(mongo_server: MongoServer, settings: Settings) -> Iterator[SyncDatabase]:
    with connect(settings) as client:
        prepared = client[settings.mongodb_database]
        ensure_schema(prepared)
        CatalogWriter(prepared).add_missing([Film("heat", "Heat")])
        yield prepared


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """All layers' routes."""
    return create_app(settings)


@pytest.fixture
def api(database: SyncDatabase, redis_server: RedisServer, app: FastAPI) -> Iterator[TestClient]:
    """A client of them, and a list."""
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        client.post("/v1/movies", json={"user_id": "u", "movie_id": "heat", "rating": 8}).raise_for_status()
        yield client


def test_every_bad_input_is_a_problem_that_names_the_field_and_changes_nothing(
    api: TestClient, database: SyncDatabase
) -> None:
    before = all_stored(database)
    cases = [*bad_inputs(), *bad_dashboard_inputs()]
    faults = [f"{case}: {fault}" for case in cases if (fault := fault_of(api, case))]
    assert not faults, "\n".join(faults)
    assert len(cases) >= ENOUGH
    assert all_stored(database) == before


def test_no_hostile_text_becomes_part_of_a_page(api: TestClient, database: SyncDatabase) -> None:
    before = all_stored(database)
    faults = [f"{case}: {fault}" for case in hostile_texts() if (fault := fault_of_page(api, case))]
    assert not faults, "\n".join(faults)
    assert all_stored(database) == before


@pytest.mark.usefixtures("database", "redis_server")
def test_no_hostile_text_leads_away_from_our_pages(settings: Settings, tmp_path: Path) -> None:
    """Where tokens are asked for, strangers are led to the sign-in, and users to their own page."""
    with TestClient(create_app(secured(settings, tmp_path)), follow_redirects=False) as client:
        for text in (*HOSTILE_TEXTS, *HOSTILE_CONTROLS):
            asked = f"/?user_id={quote(text, safe='')}&lang={quote(text, safe='')}"
            for headers, led_to, query in (
                ({}, "/sign-in", {"next": [asked]}),
                (bearer(token("anna")), "/", {"user_id": ["anna"], "lang": [text]}),
            ):
                answer = client.get(asked, headers=headers)
                assert answer.status_code == 303
                location = urlsplit(answer.headers["location"])
                assert (location.scheme, location.netloc, location.path) == ("", "", led_to)
                assert parse_qs(location.query) == query
                assert "set-cookie" not in answer.headers


def test_every_operation_has_bad_inputs(app: FastAPI) -> None:
    """Also those that are not in the API's description."""
    tried = {(case.method, path_of(case.path)) for case in chain(bad_inputs(), bad_dashboard_inputs())}
    tried |= {("GET", path_of(case.path)) for case in hostile_texts()}
    wanted = {(it.method, it.path) for it in accesses(app)}
    untried = [it for it in wanted if not any(it[0] == method and is_of(it[1], path) for method, path in tried)]
    assert len(wanted) > 60
    assert untried == []


def fault_of(api: TestClient, case: BadInput) -> str | None:
    """What is wrong with the answer; None when it is as it must be."""
    response = api.request(case.method, case.path, content=case.body, headers=case.headers)
    if response.status_code != case.status:
        return f"{response.status_code} {response.text[:200]}"
    if response.headers["content-type"] != "application/problem+json":
        return str(response.headers["content-type"])
    problem = response.json()
    fields = [error["field"] for error in problem.get("errors", [])]
    if case.blamed not in fields or len(response.content) > 10_000:
        return json.dumps(problem)[:300]
    return None


def fault_of_page(api: TestClient, case: HostileText) -> str | None:
    """What a hostile text has changed; None when nothing."""
    response, twin = api.get(case.path, headers=case.headers), api.get(case.twin_path)
    answers = [
        (it.status_code, {n: v for n, v in it.headers.items() if n not in OWN_HEADERS}) for it in (response, twin)
    ]
    if answers[0] != answers[1] or response.status_code != 200:
        return f"{answers}"
    if not response.headers["content-type"].startswith("text/html"):
        return response.text[:200] if "hostile" in response.text else None
    differing = [it for it in zip(skeleton(response.text), skeleton(twin.text), strict=False) if it[0] != it[1]]
    is_same = skeleton(response.text) == skeleton(twin.text)
    return None if is_same else f"{differing[:1]}"


def path_of(address: str) -> str:
    """Give an address without its query."""
    return address.partition("?")[0]


def is_of(template: str, path: str) -> bool:
    """Say whether a path is one of a route's."""
    whole = re.sub(r"\\{\w+:path\\}", ".+", re.escape(template))
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", whole), path) is not None
