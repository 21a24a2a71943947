"""Which jars are put beside Spark's own."""

from __future__ import annotations

from pathlib import Path

from cinematch.local_stack.jars import SPARK_ARTIFACTS, Artifact, entry_name, remove_shadowed


def test_a_jar_that_spark_ships_in_another_version_is_left_to_spark(tmp_path: Path) -> None:
    folder, shipped = tmp_path / "ours", tmp_path / "spark"
    for place, names in {
        folder: ["slf4j-api-2.0.17.jar", "spark-tags_2.13-4.2.0.jar", "s3-2.35.4.jar", "commons-pool2-2.13.1.jar"],
        shipped: ["slf4j-api-2.0.16.jar", "spark-tags_2.13-4.2.0.jar", "commons-pool-1.5.4.jar"],
    }.items():
        place.mkdir()
        for name in names:
            (place / name).touch()
    remove_shadowed(folder, shipped)
    assert sorted(jar.name for jar in folder.iterdir()) == ["commons-pool2-2.13.1.jar", "s3-2.35.4.jar"]


def test_another_version_is_another_cache_entry() -> None:
    newer = [Artifact(a.group, a.name, "99") for a in SPARK_ARTIFACTS]
    assert entry_name("jars", SPARK_ARTIFACTS) != entry_name("jars", newer)
    assert entry_name("jars", SPARK_ARTIFACTS) == entry_name("jars", list(SPARK_ARTIFACTS))
