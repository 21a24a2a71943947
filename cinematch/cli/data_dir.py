"""The data directory on the command line: `--data-dir`, else CINEMATCH_DATA_DIR, else the user's own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cinematch.local_stack.data_folder import DataFolder
from cinematch.settings import load_settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where the stack keeps its data (CINEMATCH_DATA_DIR); stacks in different folders run side by side.",
        file_okay=False,
    ),
]


def data_folder(chosen: Path | None) -> DataFolder:
    """The folder that was chosen on the command line or in the environment."""
    return DataFolder(chosen or load_settings().cinematch_data_dir)
