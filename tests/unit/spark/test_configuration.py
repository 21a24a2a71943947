"""What a session is told, by settings, before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import trustme

from cinematch.settings import Settings
from cinematch.spark.session import _configuration

JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions"


def test_a_checkpoint_keeps_as_many_batches_as_the_setting_says() -> None:
    assert _configuration(Settings(checkpoint_batches_kept=7))["spark.sql.streaming.minBatchesToRetain"] == "7"


def test_a_look_at_a_checkpoint_starts_no_program() -> None:
    manager = _configuration(Settings())["spark.sql.streaming.checkpointFileManagerClass"]
    assert manager.endswith(".FileSystemBasedCheckpointFileManager")


def test_nobody_ends_an_application_on_its_page() -> None:
    assert _configuration(Settings())["spark.ui.killEnabled"] == "false"


def test_without_the_setting_java_options_are_those_of_sparks_own_defaults() -> None:
    assert JAVA_OPTIONS not in _configuration(Settings(spark_driver_java_options=""))
    assert _configuration(Settings(spark_driver_java_options="-Xss4m"))[JAVA_OPTIONS] == "-Xss4m"


def test_java_options_stand_beside_the_trust_store(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    options = _configuration(Settings(spark_driver_java_options="-Xss4m", mongodb_ca_file=authority))[JAVA_OPTIONS]
    assert options.startswith("-Xss4m -Djavax.net.ssl.trustStore=")
