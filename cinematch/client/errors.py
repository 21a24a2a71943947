"""What can go wrong for a client.

CineMatchError
└── ClientError
    ├── NoAnswer              the API cannot be reached, or what came is no answer of it
    └── ProblemAnswered       it said no; `problem` has what it said
        ├── InvalidInput      the request itself is not valid (400, 413, 415, 422): `problem.errors` names the inputs
        ├── NotAllowed        the token is missing, not good, or opens other data (401, 403)
        ├── NotThere          what was asked for does not exist (404)
        ├── Conflicting       it cannot be done as things are (409)
        ├── TooMany           one has asked too often (429): ask again later
        ├── Unavailable       a server behind the API does not answer (503): ask again later
        └── NotYet            an event that was waited for is not in the statistics yet (504)
"""

from __future__ import annotations

from typing import Final

from cinematch.client.models import Problem
from cinematch.errors import CineMatchError


class ClientError(CineMatchError):
    """Base of all errors of the client."""


class NoAnswer(ClientError):
    """The API could not be reached, broke off, or answered what it never answers; what it did is not known."""


class ProblemAnswered(ClientError):
    """The API said no, and why."""

    def __init__(self, problem: Problem, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{problem.title} ({problem.status}): {problem.detail}")
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[type[ProblemAnswered], tuple[Problem, float | None]]:
        return (type(self), (self.problem, self.retry_after_seconds))


class InvalidInput(ProblemAnswered):
    """The request is not valid as it is; sending it again is useless."""


class NotAllowed(ProblemAnswered):
    """There is no token, it is not good, or what it opens is something else."""


class TooMany(ProblemAnswered):
    """This user, or this address, has asked too often."""


class NotThere(ProblemAnswered):
    """The film, entry or user does not exist."""


class Conflicting(ProblemAnswered):
    """The request cannot be carried out as things are."""


class Unavailable(ProblemAnswered):
    """A server behind the API does not answer."""


class NotYet(ProblemAnswered):
    """The bounded wait for an event ran out."""


_KINDS: Final[dict[int, type[ProblemAnswered]]] = {
    400: InvalidInput,
    401: NotAllowed,
    403: NotAllowed,
    404: NotThere,
    409: Conflicting,
    413: InvalidInput,
    415: InvalidInput,
    422: InvalidInput,
    429: TooMany,
    503: Unavailable,
    504: NotYet,
}


def answered(problem: Problem, retry_after_seconds: float | None = None) -> ProblemAnswered:
    """Give the error for a problem."""
    return _KINDS.get(problem.status, ProblemAnswered)(problem, retry_after_seconds)
