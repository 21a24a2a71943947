"""Every bad input, at every operation: a problem that names the field, no defect, and nothing is changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.api.application import create_app
from cinematch.domain.watchlist import Film
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.integration.api.bad_inputs import BadInput, bad_inputs
from tests.stored import all_stored

ENOUGH = 200


@pytest.fixture
def database(mongo_server: MongoServer, settings: Settings) -> Iterator[SyncDatabase]:
    with connect(settings) as client:
        prepared = client[settings.mongodb_database]
        ensure_schema(prepared)
        CatalogWriter(prepared).add_missing([Film("heat", "Heat")])
        yield prepared


@pytest.fixture
def api(database: SyncDatabase, redis_server: RedisServer, settings: Settings) -> Iterator[TestClient]:
    """All layers' routes."""
    with TestClient(create_app(settings), raise_server_exceptions=False, follow_redirects=False) as client:
        client.post("/v1/movies", json={"user_id": "u", "movie_id": "heat", "rating": 8}).raise_for_status()
        yield client


def test_every_bad_input_is_a_problem_that_names_the_field_and_changes_nothing(
    api: TestClient, database: SyncDatabase
) -> None:
    before = all_stored(database)
    cases = list(bad_inputs())
    faults = [f"{case}: {fault}" for case in cases if (fault := fault_of(api, case))]
    assert not faults, "\n".join(faults)
    assert len(cases) >= ENOUGH
    assert all_stored(database) == before


def test_every_operation_with_an_input_has_bad_inputs(api: TestClient) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    wanted = {
        (method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if any(it["in"] != "header" for it in operation.get("parameters", [])) or "requestBody" in operation
    }
    tried = {(case.method, case.path.partition("?")[0]) for case in bad_inputs()}
    untried = [it for it in wanted if not any(it[0] == method and is_of(it[1], path) for method, path in tried)]
    assert len(wanted) > 10
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


def is_of(template: str, path: str) -> bool:
    """Say whether a path is one of a route's."""
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path) is not None
