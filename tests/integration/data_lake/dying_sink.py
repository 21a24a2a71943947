"""A sink that kills itself, as kill -9 would, right before or right after its first upload."""

from __future__ import annotations

import os
import signal
import sys

from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_manifest import LakeObject
from data_lake.__main__ import main

MOMENT = sys.argv[1]
append = LakeFolder.append


def append_and_die(folder: LakeFolder, link: LakeObject, body: bytes) -> None:
    if MOMENT == "after_upload":
        append(folder, link, body)
    os.kill(os.getpid(), signal.SIGKILL)


setattr(LakeFolder, "append", append_and_die)  # noqa: B010 - mypy takes methods for constants
main()
