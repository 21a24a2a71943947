"""The documentation shows how inputs, answers and problems look."""

from __future__ import annotations

from typing import Any

import pytest

from cinematch.api.application import create_app
from cinematch.client.models import Problem
from cinematch.settings import Settings

DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
OPERATIONS = {
    operation["operationId"]: operation
    for operations in DOCUMENT["paths"].values()
    for operation in operations.values()
}


def schema_of(content: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = content["schema"]
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def is_shown(schema: dict[str, Any]) -> bool:
    """Whether a schema has an example, of itself or of each of its parts that could be anything."""
    return "examples" in schema or all("examples" in it or "enum" in it or "const" in it for it in parts(schema))


def parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return list(schema.get("properties", {"": {}}).values())


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_problem_is_shown(name: str) -> None:
    responses = {int(status): response for status, response in OPERATIONS[name]["responses"].items()}
    problems = {status: response["content"] for status, response in responses.items() if status >= 400}
    for status, content in problems.items():
        shown = Problem.model_validate(content["application/problem+json"]["example"])
        assert (shown.status, shown.type.startswith("urn:cinematch:problem:")) == (status, True)
        assert shown.detail


@pytest.mark.parametrize("name", [name for name in OPERATIONS if not name.startswith("operator_")])
def test_every_input_and_answer_is_shown(name: str) -> None:
    operation = OPERATIONS[name]
    unshown = [it["name"] for it in operation.get("parameters", []) if "examples" not in it["schema"]]
    assert unshown == []
    contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
    contents += [answer["content"] for status, answer in operation["responses"].items() if status.startswith("2")]
    assert [
        content
        for content in contents
        if "application/json" in content and not is_shown(schema_of(content["application/json"]))
    ] == []
