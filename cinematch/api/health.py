"""The health pages: alive says that the process answers, ready that what it depends on answers too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi_problem.error import StatusProblem
from pydantic import BaseModel, Field

from cinematch.api.access import Access, open_to
from cinematch.api.guarded_route import GuardedRoute
from cinematch.api.problems import problem_responses
from cinematch.telemetry import get_logger

CHECK_TIMEOUT_SECONDS: Final = 1.5
"""Shorter than what those who poll the page wait, so that they get the names and not a time-out."""

Check = Callable[[], Awaitable[object]]
State = Literal["ok", "failing"]

_log = get_logger(__name__)


class NotReady(StatusProblem):
    """A dependency without which the API cannot serve is failing."""

    type_ = "not-ready"
    title = "Not ready"
    status = 503


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """What each dependency says; `degraded`: one that the API can do without is failing."""

    status: Literal["ready", "degraded"]
    dependencies: Annotated[dict[str, State], Field(examples=[{"mongodb": "ok", "redis": "failing"}])]


@dataclass(frozen=True, slots=True)
class _Dependency:
    check: Check
    required: bool


class HealthChecks:
    """The dependencies by name. A check is a coroutine function that raises when its dependency fails."""

    def __init__(self) -> None:
        self._dependencies: dict[str, _Dependency] = {}

    def register(self, name: str, check: Check, *, required: bool = True) -> None:
        """Add a dependency, in place of one of the same name; without a `required` one the API is not ready."""
        self._dependencies[name] = _Dependency(check, required)

    async def run(self) -> dict[str, State]:
        """Ask all dependencies at the same time, each for a bounded time."""
        states = await asyncio.gather(*(self._ask(name) for name in self._dependencies))
        return dict(zip(self._dependencies, states, strict=True))

    def is_required(self, name: str) -> bool:
        """Say whether the API cannot do without this dependency."""
        return self._dependencies[name].required

    async def _ask(self, name: str) -> State:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await self._dependencies[name].check()
        except Exception as error:  # noqa: BLE001 - whatever a check raises means that its dependency fails
            _log.warning("dependency is failing", dependency=name, error=repr(error))
            return "failing"
        return "ok"


async def health_checks(request: Request) -> HealthChecks:
    """Give the application's health checks."""
    checks: HealthChecks = request.app.state.health
    return checks


router = APIRouter(prefix="/health", tags=["health"], route_class=GuardedRoute)


@router.get("/live", summary="Whether the process answers")
@open_to(Access.PUBLIC)
async def live() -> Alive:
    """Answer 200 for as long as the process can answer anything at all."""
    return Alive()


@router.get("/ready", summary="Whether everything that the API depends on answers", responses=problem_responses(503))
@open_to(Access.PUBLIC)
async def ready(checks: Annotated[HealthChecks, Depends(health_checks)]) -> Readiness:
    """Answer 200, or 503 with the name of each failing dependency."""
    states = await checks.run()
    failing = [name for name, state in states.items() if state == "failing"]
    required = [name for name in failing if checks.is_required(name)]
    if required:
        raise NotReady(f"failing: {', '.join(required)}", failing=failing, dependencies=states)
    return Readiness(status="degraded" if failing else "ready", dependencies=states)
