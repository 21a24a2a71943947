"""A tombstone: whose history is forgotten, for as long as anybody must know."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cinematch.contracts.erasure import Erasure, user_digest

AT = datetime(2026, 1, 19, tzinfo=UTC)


def test_an_open_erasure_knows_its_user() -> None:
    assert Erasure(user_digest("anna"), 7, AT, "anna").subject == "anna"


def test_a_finished_one_has_forgotten_the_user_and_says_so() -> None:
    with pytest.raises(ValueError, match="its user forgotten") as refusal:
        _ = Erasure(user_digest("anna"), 7, AT, None).subject
    assert "anna" not in str(refusal.value)
