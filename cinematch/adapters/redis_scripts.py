"""The server-side scripts of the speed view: Lua by EVALSHA, which Redis 6 and a cluster both know.

Every script runs after `view.lua`, on the three keys of one user, and is atomic.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Final

Argument = str | int | bytes


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its source, and the digest by which a server that has seen it knows it."""

    name: str
    source: str
    digest: str

    def command(self, keys: tuple[str, ...], arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
        """Give the EVALSHA command that runs it."""
        return ("EVALSHA", self.digest, len(keys), *keys, *arguments)

    def lesson(self, keys: tuple[str, ...], arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
        """Give the EVAL command that runs it on a server that does not know it, and knows it from then on."""
        return ("EVAL", self.source, len(keys), *keys, *arguments)


def _load(name: str) -> Script:
    folder = files("cinematch.adapters").joinpath("lua")
    source = "\n".join(folder.joinpath(f"{part}.lua").read_text("utf-8") for part in ("view", name))
    return Script(name, source, sha1(source.encode(), usedforsecurity=False).hexdigest())


APPLY: Final = _load("apply")
ADVANCE: Final = _load("advance")
FORGET: Final = _load("forget")
REPLACE: Final = _load("replace")
READ: Final = _load("read")
