"""The page of all settings: what `.env.example` says of each, and what the code allows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Final, NamedTuple, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cinematch.settings import Settings

EXAMPLE: Final = Path(__file__).parents[2] / ".env.example"
HEADER: Final = """\
# Settings

Every process reads its settings from its environment, once, at its start, and refuses a wrong one with a sentence that
names the variable. `make demo` needs none of them. `.env.example` in the project's folder lists the same, ready to be
copied for Docker Compose or cron. Each may also be a file of its name in the folder that `SECRETS_DIR` names, as
orchestrators mount secrets; the environment comes before it.

<!-- Made by `make reference` from cinematch/settings.py and .env.example. -->
"""
SECTION: Final = re.compile(r"# ---- (?P<title>.+)")
VARIABLE: Final = re.compile(r"(?:# )?(?P<name>[A-Z][A-Z0-9_]*)=")
BOUNDS: Final = ((Ge, "ge", "at least"), (Gt, "gt", "more than"), (Le, "le", "at most"), (Lt, "lt", "less than"))
KINDS: Final = {bool: "`true` or `false`", int: "whole number", float: "number", Path: "path", SecretStr: "secret"}


class Explained(NamedTuple):
    """One setting as `.env.example` explains it."""

    section: str
    name: str
    meaning: str


def settings_page() -> str:
    """Write the page."""
    sections: dict[str, list[str]] = {}
    for it in explained(EXAMPLE.read_text()):
        field = Settings.model_fields[it.name.lower()]
        row = f"| `{it.name}` | {_default(field)} | {allowed(field)} | {it.meaning} |"
        sections.setdefault(it.section, []).append(row)
    parts = [
        f"## {title}\n\n| variable | default | allowed | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        for title, rows in sections.items()
    ]
    return "\n".join([HEADER, *parts])


def explained(example: str) -> Iterator[Explained]:
    """Give the settings of the example file in its order; the meaning is the comment above."""
    section, meaning = "", ""
    for line in example.splitlines():
        if match := SECTION.match(line):
            section = match["title"]
        elif match := VARIABLE.match(line):
            yield Explained(section, match["name"], meaning)
        elif line.startswith("# "):
            meaning = line[2:]


def allowed(field: FieldInfo) -> str:
    """Say which values a setting takes."""
    kind = _kind(field.annotation)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{choice.value}`" for choice in kind)
    limits = [
        f"{words} {getattr(limit, attribute):g}"
        for limit in [*field.metadata, *_inner_limits(field.annotation)]
        for bound, attribute, words in BOUNDS
        if isinstance(limit, bound)
    ]
    return ", ".join([KINDS.get(kind, "text"), *limits])


def _kind(annotation: Any) -> Any:
    """Give the type itself, without None and without what is said about it."""
    arguments = [it for it in get_args(annotation) if it is not NoneType]
    return _kind(arguments[0]) if arguments else annotation


def _inner_limits(annotation: Any) -> list[Any]:
    """Give the limits that stand inside an optional type."""
    metadata = getattr(annotation, "__metadata__", ())
    fields = [it for it in metadata if isinstance(it, FieldInfo)]
    return [limit for it in fields for limit in it.metadata]


def _default(field: FieldInfo) -> str:
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if value in (None, "", ()):
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
