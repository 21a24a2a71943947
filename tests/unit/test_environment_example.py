"""`.env.example` is the settings: every variable, once, in order, explained, with its default."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cinematch.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
VARIABLE = re.compile(r"(?P<unset># )?(?P<name>[A-Z][A-Z0-9_]*)=")


def lines() -> list[str]:
    return EXAMPLE.read_text().splitlines()


def test_every_setting_is_there_once_and_in_order() -> None:
    names = [match["name"] for line in lines() if (match := VARIABLE.match(line))]
    assert names == [name.upper() for name in Settings.model_fields]


def test_only_what_has_no_default_is_commented_out() -> None:
    unset = {match["name"] for line in lines() if (match := VARIABLE.match(line)) and match["unset"]}
    assert unset == {name.upper() for name, field in Settings.model_fields.items() if field.default is None}


def test_every_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    defaults = Settings()
    for name, value in dotenv_values(EXAMPLE, interpolate=False).items():
        monkeypatch.setenv(name, value or "")
    assert Settings() == defaults


def test_every_variable_is_explained_by_the_line_above() -> None:
    text = lines()
    for above, line in pairwise(text):
        if VARIABLE.match(line):
            assert re.match(r"# [A-Za-z0-9]", above), line
            assert not VARIABLE.match(above), line


def test_a_shell_reads_the_same_values_as_cron_does() -> None:
    """deploy/crontab sources such a file."""
    script = f"set -a; . '{EXAMPLE}'; env -0"
    listed = subprocess.run(["/bin/sh", "-c", script], env={"PATH": os.defpath}, capture_output=True, check=True)
    by_shell = dict(line.split("=", 1) for line in listed.stdout.decode().split("\0") if line)
    for name, value in dotenv_values(EXAMPLE, interpolate=False).items():
        assert by_shell[name] == value
