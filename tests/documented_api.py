"""What a running API says that it offers."""

from __future__ import annotations

from typing import Any

import schemathesis

# Loaded with the test, not at the first use: CPython 3.11 may fail to parse it while another thread parses, too.
import schemathesis.specs.openapi.schemas
from schemathesis.core.result import Ok


def documented_operations(url: str) -> list[Any]:
    """Give each operation of the OpenAPI document at `url`, as schemathesis reads it."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) >= 20
    return operations
