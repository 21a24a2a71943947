"""One whole stack for all end-to-end tests: started by the command line, as a user starts it, in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.running_stack import RunningStack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack with every layer ready and a small catalog loaded; gone before other tests need the machine."""
    with RunningStack.started(tmp_path_factory.mktemp("stack")) as running:
        running.import_catalog()
        yield running


@pytest.fixture
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    """A client of the stack's API."""
    with stack.api() as client:
        yield client
