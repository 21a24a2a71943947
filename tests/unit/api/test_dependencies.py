"""What the framework hands to a thread costs every request a change of threads: routes depend on coroutines only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from cinematch.api.application import create_app
from cinematch.settings import Settings


def dependencies(dependant: Dependant) -> Iterator[Callable[..., object]]:
    for dependency in dependant.dependencies:
        if dependency.call is not None:
            yield dependency.call
        yield from dependencies(dependency)


def is_asynchronous(call: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)


def test_no_dependency_of_a_request_runs_in_a_thread() -> None:
    contexts = iter_route_contexts(create_app(Settings()).routes)
    routes = [context.original_route for context in contexts if isinstance(context.original_route, APIRoute)]
    found = {call for route in routes for call in dependencies(route.dependant)}
    assert found
    assert [call.__qualname__ for call in found if not is_asynchronous(call)] == []
