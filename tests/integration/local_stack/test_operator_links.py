"""The embedded stack tells the operator's page where the consoles are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack import build_stack
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Settings

pytestmark = pytest.mark.integration


def test_the_page_links_to_the_console_and_to_every_spark_ui(toolchain: Toolchain, tmp_path: Path) -> None:
    stack = build_stack(toolchain, DataFolder(tmp_path), Settings())
    settings = Settings(operator_links=json.loads(stack.environment["OPERATOR_LINKS"]))
    addresses = [str(address).rstrip("/") for _, address in settings.operator_links]
    assert addresses == [stack.addresses["minio_console"], *stack.spark_ui.values()]
    assert stack.spark_ui
