"""What the OpenAPI document says of who may call: everything with AUTH=jwt, nothing with AUTH=off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from cinematch.api.application import create_app
from cinematch.settings import Settings
from tests.tokens import secured


def document(settings: Settings) -> dict[str, Any]:
    described: dict[str, Any] = TestClient(create_app(settings)).get("/openapi.json").json()
    return described


def test_every_operation_says_whether_it_wants_a_token(tmp_path: Path) -> None:
    described = document(secured(Settings(), tmp_path))
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert all("security" in operation for operation in operations)
    assert all({"401", "403"} <= set(operation["responses"]) for operation in operations if operation["security"])
    assert described["paths"]["/v1/trends/global"]["get"]["security"] == []
    stats = described["paths"]["/v1/stats"]["get"]
    assert stats["security"] == [{"bearer": []}, {"session": []}]
    assert stats["responses"]["429"]["content"]["application/problem+json"]["example"]["status"] == 429
    removal = described["paths"]["/v1/movies/{movie_id}"]["delete"]
    assert removal["security"] == stats["security"]
    panel = described["paths"]["/v1/operator/lake"]["get"]
    assert panel["security"] == [{"bearer": ["operator"]}, {"session": ["operator"]}]


def test_where_nobody_is_asked_nothing_is_promised() -> None:
    described = document(Settings())
    assert "securitySchemes" not in described["components"]
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert not any("security" in operation or "401" in operation["responses"] for operation in operations)
