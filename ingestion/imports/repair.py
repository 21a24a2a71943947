"""Repair of text that was encoded twice on its way here (`CittÃ ` -> `Città`)."""

from __future__ import annotations

import unicodedata

import ftfy


def repaired(text: str) -> str:
    """Undo double encoding, and only that: quotes, case and width stay as they are. Result is in NFC."""
    return unicodedata.normalize("NFC", ftfy.fix_encoding(text)) if not text.isascii() else text
