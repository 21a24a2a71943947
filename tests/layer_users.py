"""The layers as their own users on servers that ask for one: how each connects, and its process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cinematch.adapters.store_access import NO_ENTRY
from cinematch.cli.store_passwords import LayerPasswords
from cinematch.contracts.layer_connection import layer_connection
from cinematch.contracts.privileges import Grants, Privileges, RedisGrants, privileges
from cinematch.local_stack.layers import LAYERS, ApiProcess, LayerProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.settings import Settings
from tests.environments import environment_of

COMMAND_SECONDS = 900
ACTIONS = frozenset({"anything"})
EVERYTHING: Grants = {"everything": ACTIONS}
REFUSED = (NO_ENTRY, "AuthorizationException", "AuthorizationFailed", "NOPERM", "AccessDenied", "not authorized")
"""How a refusal shows in a log, by us and by drivers."""


@dataclass(frozen=True)
class LayerUsers:
    """Who may do what on the servers that `nobody` leads to; `administrator` made the users."""

    nobody: Settings
    administrator: Settings
    passwords: LayerPasswords
    folder: Path

    def settings(self, layer: str, **changes: Any) -> Settings:
        """Give the settings of a layer: all that it knows are its own name and password."""
        return self._settings(next(it for it in privileges(self.nobody) if it.layer == layer), changes)

    def insistent(self, layer: str) -> Settings:
        """Give settings by which a layer shows its name and password to every store, those without such a user too."""
        return self._settings(
            Privileges(layer, EVERYTHING, RedisGrants(commands=ACTIONS), EVERYTHING, s3=EVERYTHING), {}
        )

    def _settings(self, row: Privileges, changes: dict[str, Any]) -> Settings:
        own = layer_connection(row, self.passwords.of(row), self.nobody)
        return changed(self.nobody, **{name.lower(): value for name, value in own.items()}, **changes)

    @contextmanager
    def running(self, layer: str, **changes: Any) -> Iterator[LogFile]:
        """Run the layer's process until it is ready, and stop it; give its log, in which nothing may be refused."""
        spec = next(it for it in LAYERS if it.name == layer.replace("-", "_"))
        log = LogFile(self.folder / f"{layer}.log")
        environment = environment_of(self.settings(layer, **changes))
        folder = self.folder / layer
        folder.mkdir(exist_ok=True)
        of_one_rank = replace(spec, niceness=0)  # the test waits for all alike
        process = (ApiProcess if layer == "api" else LayerProcess)(of_one_rank, folder, log, environment)
        process.start()
        try:
            process.wait_ready()
            yield log
        finally:
            process.stop()
        assert_nothing_refused(log.path.read_text())

    def run(self, layer: str, *words: str, **changes: Any) -> str:
        """Run a command of ours as a layer, to its good end; give what it printed."""
        ended = subprocess.run(
            [sys.executable, "-m", "cinematch", *words],
            env=environment_of(self.settings(layer, **changes)),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr[-3000:]
        assert_nothing_refused(ended.stderr)
        return ended.stdout


def changed(settings: Settings, **changes: Any) -> Settings:
    """Give settings with some changed, checked as new ones are."""
    return Settings(**settings.model_dump() | changes)


def assert_nothing_refused(text: str) -> None:
    """Fail when a store refused something."""
    refused = [line for line in text.splitlines() if any(sign in line for sign in REFUSED)]
    assert refused == []
