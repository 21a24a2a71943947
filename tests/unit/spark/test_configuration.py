"""What a session is told, by settings, before it starts."""

from __future__ import annotations

from cinematch.settings import Settings
from cinematch.spark.session import _configuration


def test_a_checkpoint_keeps_as_many_batches_as_the_setting_says() -> None:
    assert _configuration(Settings(checkpoint_batches_kept=7))["spark.sql.streaming.minBatchesToRetain"] == "7"


def test_nobody_ends_an_application_on_its_page() -> None:
    assert _configuration(Settings())["spark.ui.killEnabled"] == "false"
