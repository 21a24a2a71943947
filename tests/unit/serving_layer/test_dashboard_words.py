"""The dashboard's messages: both languages say the same things, and nothing is said that no page uses."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from serving_layer.dashboard.assets import PACKAGE
from serving_layer.dashboard.language import Message, messages, translator

USE = re.compile(r"""\bt\(\s*["']([\w.]+)["']""")
SOURCES = [
    *sorted((PACKAGE / "templates").rglob("*.html")),
    *sorted((PACKAGE / "static" / "js").rglob("*.js")),
    *sorted(PACKAGE.rglob("*.py")),
]


def used_keys() -> set[str]:
    return {key for source in SOURCES for key in USE.findall(source.read_text())}


def names(message: Message) -> set[str | None]:
    forms = message.values() if isinstance(message, dict) else [message]
    return {name for form in forms for _, name, _, _ in Formatter().parse(form)} - {None}


def test_every_message_is_used_and_every_use_has_its_message() -> None:
    assert used_keys() == messages("en").keys()


def test_both_languages_have_the_same_messages_with_the_same_names() -> None:
    theirs, ours = messages("it"), messages("en")
    assert theirs.keys() == ours.keys()
    assert {key for key in ours if names(ours[key]) != names(theirs[key])} == set()
    assert {key for key in ours if isinstance(ours[key], dict) != isinstance(theirs[key], dict)} == set()


def test_a_message_of_two_forms_is_chosen_by_its_count() -> None:
    t = translator("en")
    assert t("freshness.live", count=1) == "1 live event"
    assert t("freshness.live", count=2) == "2 live events"


def test_an_unknown_message_is_an_error_and_not_a_hole_in_the_page() -> None:
    with pytest.raises(KeyError):
        translator("it")("no.such.message")
