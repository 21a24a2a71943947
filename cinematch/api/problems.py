"""Every error of the API as RFC 9457 problem+json; nothing in it tells of our insides.

Members beside those of the RFC: `errors`, a list of {field, message}, wherever an input is to blame; and whatever a
route adds by raising a `fastapi_problem.error.StatusProblem` itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_problem.error import Problem, StatusProblem
from fastapi_problem.handler import ExceptionHandler, add_exception_handler, new_exception_handler
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cinematch.api.documentation import documented
from cinematch.api.metrics import count_problem
from cinematch.api.request_ids import add_request_id
from cinematch.api.security_headers import add_security_headers
from cinematch.errors import CineMatchError, Conflict, NotFound, StoreUnavailable, WaitTimeout
from cinematch.telemetry import get_logger

TYPE_TEMPLATE: Final = "urn:cinematch:problem:{type}"
RETRY_AFTER_SECONDS: Final = 1
ERRORS_SHOWN: Final = 20
"""A request can hold thousands of errors; its sender learns of the first ones."""
FIELD_CHARACTERS_SHOWN: Final = 100
_BLAMED: Final = {404: "path", 405: "method", 408: "body", 413: "body"}
"""What of a request is to blame when the framework refuses it."""

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


class UnsupportedMediaType(StatusProblem):
    """A body is of another type than the one that the route reads."""

    type_ = "unsupported-media-type"
    title = "Unsupported Media Type"
    status = 415


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
        handlers={CineMatchError: _our_error, ClientDisconnect: _client_gone},
        post_hooks=[add_request_id, add_security_headers, count_problem],
        documentation_uri_template=TYPE_TEMPLATE,
        http_exception_handler=_framework_error,
        request_validation_handler=_validation_error,
    )
    add_exception_handler(app, handler, generic_swagger_defaults=False)
    app.add_exception_handler(CineMatchError, handler)
    app.add_exception_handler(ClientDisconnect, handler)
    app.openapi = documented(app.openapi)  # type: ignore[method-assign] # FastAPI's documented way


async def answer_with(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with a problem where no exception would be turned into one: in a middleware."""
    request = Request(scope)
    handler: Any = request.app.exception_handlers[Exception]
    response: Response = handler(request, problem)
    await response(scope, receive, send)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Give the `responses` of a route that may answer with these problems, for the documentation."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def field_errors(field: str, message: str) -> list[dict[str, str]]:
    """Give the member `errors` that blames one field."""
    return [{"field": _shown(field), "message": message}]


def invalid_fields(blamed: Iterable[tuple[str, str]]) -> InvalidRequest:
    """Give the problem that blames inputs by name, each with a sentence about what it must be."""
    errors = [error for field, message in islice(blamed, ERRORS_SHOWN) for error in field_errors(field, message)]
    fields = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return InvalidRequest(f"not valid: {fields}", errors=errors)


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


def _client_gone(_: ExceptionHandler, __: Request, ___: ClientDisconnect) -> Problem:
    """Give what nobody will read; it is counted, and is no defect that the log should tell of."""
    return InvalidRequest("not valid: body", errors=field_errors("body", "ends before it is complete"))


def _framework_error(_: ExceptionHandler, __: Request, error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.BAD_REQUEST:  # the framework's only one: a body that no parser can read
        return InvalidRequest("not valid: body", errors=field_errors("body", "is not JSON"))
    title = HTTPStatus(error.status_code).phrase
    blamed = _BLAMED.get(error.status_code)
    extras: dict[str, Any] = {"errors": field_errors(blamed, error.detail)} if blamed else {}
    return Problem(
        title=title,
        type_="-".join(title.lower().split()),
        detail=error.detail,
        status=error.status_code,
        headers=dict(error.headers or {}),
        **extras,
    )


def _validation_error(_: ExceptionHandler, __: Request, error: RequestValidationError) -> Problem:
    return invalid_fields((_field(part["loc"]), _message(part)) for part in error.errors())


def _field(location: Sequence[int | str]) -> str:
    """Name the field as the client does: without the place that FastAPI puts in front of it."""
    place, *path = location
    return ".".join(step for step in path if isinstance(step, str)) or str(place)


def _shown(field: str) -> str:
    """Give a client's name for a field in what can be encoded and shown: it may hold anything, of any length."""
    cut = field[:FIELD_CHARACTERS_SHOWN]
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in cut)


def _message(part: Mapping[str, Any]) -> str:
    """Give the sentence alone: the rejected input stays out of it."""
    if part["type"] == "json_invalid":
        return "is not JSON"
    return str(part["msg"]).removeprefix("Value error, ")
