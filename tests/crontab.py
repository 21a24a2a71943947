"""deploy/crontab as cron reads it, and its very lines run as cron runs them."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cinematch.settings import Settings
from tests.environments import environment_of

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Crontab:
    """The variables, and schedule -> command."""

    variables: dict[str, str]
    entries: dict[str, str]

    def run(self, schedule: str, settings: Settings, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the command of that schedule on this checkout, with an environment as bare as cron's."""
        own = {name: value for name, value in environment_of(settings).items() if os.environ.get(name) != value}
        environment = folder / "environment"
        environment.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in own.items()))
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
        paths = {"CINEMATCH_HOME": str(ROOT), "CINEMATCH_ENVIRONMENT": str(environment)}
        return subprocess.run(
            [self.variables["SHELL"], "-c", self.entries[schedule]],
            env=bare | self.variables | paths,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def read_crontab() -> Crontab:
    """Read deploy/crontab."""
    text = (ROOT / "deploy/crontab").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    entries = [line.split(maxsplit=5) for line in lines if line[0].isdigit()]
    return Crontab(
        variables=dict(line.split("=", 1) for line in lines if not line[0].isdigit()),
        entries={" ".join(fields[:5]): fields[5] for fields in entries},
    )
