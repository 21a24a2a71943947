"""Which Python `make` builds the environment with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRETENDED = """#!/bin/sh
exec {python} -c 'import sys; sys.version_info = ({version}, 0); exec(sys.argv[1])' "$2"
"""


def chosen(folder: Path, **minors: int) -> str:
    """What make chooses where PATH begins with these programs, each a Python 3.`minor`."""
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        minor = minors.get(name.replace(".", "_"))
        program = folder / name
        pretended = PRETENDED.format(python=sys.executable, version=f"3, {minor}")
        program.write_text(pretended if minor else "#!/bin/sh\nexit 127\n")
        program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS")}
    shown = subprocess.run(
        ["make", "--no-print-directory", "--eval", "chosen: ; @echo $(PYTHON)", "chosen"],
        cwd=ROOT,
        env=environment | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return shown.stdout.strip()


@pytest.mark.parametrize(
    ("minors", "wanted"),
    [
        ({"python3": 13, "python3_13": 13, "python3_12": 12}, "python3.12"),
        ({"python3": 13, "python3_11": 11}, "python3.11"),
        ({"python3": 11, "python3_12": 12}, "python3"),
        ({"python3": 10, "python3_13": 13}, "python3.13"),
        ({"python3": 14}, "python3"),
    ],
)
def test_a_python_that_has_a_wheel_of_everything_is_preferred(
    tmp_path: Path, minors: dict[str, int], wanted: str
) -> None:
    assert chosen(tmp_path, **minors) == wanted
