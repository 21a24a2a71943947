"""One question to the API and its answer, asked again while the API is away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
import stamina
from pydantic import BaseModel, ValidationError

from cinematch.client.errors import NoAnswer, TooMany, Unavailable, answered
from cinematch.client.models import Problem

Answer = TypeVar("Answer", bound=BaseModel)

PROBLEM_TYPE: Final = "application/problem+json"
LONGEST_PAUSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client goes on asking: so often, and no new try after so many seconds. `attempts=1`: ask once."""

    attempts: int = 8
    seconds: float = 30.0


class Exchange:
    """Asks with one HTTP client; asks again when no answer came, 503, or 429. Everything else is an answer.

    So a question must be one that may be asked twice, as a change is with its key.
    """

    def __init__(self, http: httpx.Client, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    def ask(
        self,
        answer: type[Answer],
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | None] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Give the answer. Raises NoAnswer or the ProblemAnswered of the last try."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        request = self._http.build_request(method, path, params=given, json=json, headers=headers)
        for attempt in stamina.retry_context(
            on=_pause, attempts=self._patience.attempts, timeout=self._patience.seconds, wait_max=LONGEST_PAUSE_SECONDS
        ):
            with attempt:
                return _read(answer, self._sent(request))
        raise AssertionError("the last try neither answered nor raised")

    def _sent(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request)
        except httpx.HTTPError as error:
            raise NoAnswer(f"{request.url.host} does not answer: {str(error) or type(error).__name__}") from error


def _pause(error: Exception) -> bool | float:
    """Say whether to ask again: as soon as the API says, else after stamina's growing, random pause."""
    if isinstance(error, TooMany | Unavailable) and error.retry_after_seconds is not None:
        return min(error.retry_after_seconds, LONGEST_PAUSE_SECONDS)
    return isinstance(error, NoAnswer | TooMany | Unavailable)


def _read(answer: type[Answer], response: httpx.Response) -> Answer:
    try:
        if response.is_success:
            return answer.model_validate_json(response.content)
        problem = Problem.model_validate_json(response.content) if _is_problem(response) else _unexplained(response)
    except ValidationError as error:
        raise NoAnswer(f"{response.url} answered what is no {answer.__name__}: {error}") from error
    raise answered(problem, _retry_after(response))


def _is_problem(response: httpx.Response) -> bool:
    media_type: str = response.headers.get("content-type", "").partition(";")[0].strip()
    return media_type == PROBLEM_TYPE


def _unexplained(response: httpx.Response) -> Problem:
    """Give the problem of an answer that is none of the API's: that of a proxy before it, usually."""
    return Problem(status=response.status_code, title=response.reason_phrase, detail=f"{response.url} says no more")


def _retry_after(response: httpx.Response) -> float | None:
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else None
