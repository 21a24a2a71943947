"""The crontab compacts the lake every night, by the very line that is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.adapters import s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.settings import Settings
from tests.crontab import read_crontab
from tests.histories import add
from tests.lakes import store_events

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("minio_server")
def test_the_line_of_the_crontab_compacts_the_lake(settings: Settings, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        store_events(settings, [add(number, f"m{number}")])
    done = read_crontab().run(settings.lake_compaction_cron, settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "user-events: 3 objects became 1, 0 deleted, manifest 1 published" in done.stdout
    manifest = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER).newest_manifest()
    assert manifest is not None
    assert [link.rows for link in manifest.objects] == [3]
