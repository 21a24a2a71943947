"""The same stage as that of the speed layer's tests."""

from __future__ import annotations

from tests.integration.speed_layer.conftest import stage

__all__ = ["stage"]
