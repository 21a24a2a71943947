"""Every error of the API as RFC 9457 problem+json; nothing in it tells of our insides.

Members beside those of the RFC: `errors`, a list of {field, message}, wherever an input is to blame; and whatever a
route adds by raising a `fastapi_problem.error.StatusProblem` itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_problem.error import Problem, StatusProblem
from fastapi_problem.handler import ExceptionHandler, add_exception_handler, new_exception_handler
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cinematch.api.documentation import documented
from cinematch.api.request_ids import add_request_id
from cinematch.errors import CineMatchError, Conflict, NotFound, StoreUnavailable, WaitTimeout
from cinematch.telemetry import get_logger

TYPE_TEMPLATE: Final = "urn:cinematch:problem:{type}"
RETRY_AFTER_SECONDS: Final = 1

_log = get_logger(__name__)


class InternalProblem(StatusProblem):
    """A defect of ours: the log has the story, the client learns only that it is not to blame."""

    type_ = "internal-error"
    title = "Internal error"
    status = 500

    def __init__(self, detail: str | None = None, headers: Any = None) -> None:
        super().__init__("the request failed through no fault of its own; the log has its request id", headers)


class InvalidRequest(StatusProblem):
    """An input is not what it must be."""

    type_ = "invalid-request"
    title = "Invalid request"
    status = 422


class NotFoundProblem(StatusProblem):
    """The thing asked for does not exist."""

    type_ = "not-found"
    title = "Not found"
    status = 404


class ConflictProblem(StatusProblem):
    """Somebody else holds what the request needs."""

    type_ = "conflict"
    title = "Conflict"
    status = 409


class UnavailableProblem(StatusProblem):
    """A server behind the API does not answer; the request may be repeated."""

    type_ = "unavailable"
    title = "Unavailable"
    status = 503


class TimeoutProblem(StatusProblem):
    """What the request waits for did not come true in time."""

    type_ = "wait-timeout"
    title = "Wait timed out"
    status = 504


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app`, ours, the framework's or unforeseen, with problem+json."""
    handler = new_exception_handler(
        unhandled_wrappers={"default": InternalProblem},
        handlers={CineMatchError: _our_error},
        post_hooks=[add_request_id],
        documentation_uri_template=TYPE_TEMPLATE,
        http_exception_handler=_framework_error,
        request_validation_handler=_validation_error,
    )
    add_exception_handler(app, handler, generic_swagger_defaults=False)
    app.add_exception_handler(CineMatchError, handler)
    app.openapi = documented(app.openapi)  # type: ignore[method-assign] # FastAPI's documented way


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Give the `responses` of a route that may answer with these problems, for the documentation."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def field_errors(field: str, message: str) -> list[dict[str, str]]:
    """Give the member `errors` that blames one field."""
    return [{"field": field, "message": message}]


def _our_error(_: ExceptionHandler, __: Request, error: CineMatchError) -> Problem:
    sentence = str(error)
    match error:
        case NotFound():
            return NotFoundProblem(sentence, errors=field_errors(error.field, sentence))
        case Conflict():
            return ConflictProblem(sentence)
        case WaitTimeout():
            return TimeoutProblem(sentence)
        case StoreUnavailable():
            _log.warning("a store does not answer", store=error.store, detail=error.detail)
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return UnavailableProblem(f"{error.store} does not answer: try again", headers)
    _log.error("an error that no client should meet", exc_info=error)
    return InternalProblem()


def _framework_error(_: ExceptionHandler, __: Request, error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.BAD_REQUEST:  # the framework's only one: a body that no parser can read
        return InvalidRequest("not valid: body", errors=field_errors("body", "is not JSON"))
    title = HTTPStatus(error.status_code).phrase
    return Problem(
        title=title,
        type_="-".join(title.lower().split()),
        detail=error.detail,
        status=error.status_code,
        headers=dict(error.headers or {}),
    )


def _validation_error(_: ExceptionHandler, __: Request, error: RequestValidationError) -> Problem:
    errors = [{"field": _field(part["loc"]), "message": _message(part)} for part in error.errors()]
    fields = ", ".join(dict.fromkeys(part["field"] for part in errors))
    return InvalidRequest(f"not valid: {fields}", errors=errors)


def _field(location: Sequence[int | str]) -> str:
    """Name the field as the client does: without the place that FastAPI puts in front of it."""
    place, *path = location
    return ".".join(step for step in path if isinstance(step, str)) or str(place)


def _message(part: Mapping[str, Any]) -> str:
    """Give the sentence alone: the rejected input stays out of it."""
    if part["type"] == "json_invalid":
        return "is not JSON"
    return str(part["msg"]).removeprefix("Value error, ")
