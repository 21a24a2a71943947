"""Titles as people type them, reduced to what two spellings of one title share."""

from __future__ import annotations

import re

from unidecode import unidecode

_SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_WORD = re.compile("[^a-z0-9]+")


def normalize_title(text: str) -> str:
    """Reduce a title to lower-case ASCII words, separated by single spaces.

    Accents go (è -> e), special letters are spelled out (ß -> ss, æ -> ae), other scripts are transliterated,
    punctuation becomes a space. Defined for every string, also one with lone surrogates (treated as
    punctuation), and idempotent. A title without any letter or digit gives the empty string.

    >>> normalize_title("Città d'Ombra")
    'citta d ombra'
    """
    ascii_text: str = unidecode(_SURROGATES.sub(" ", text))
    return _NOT_WORD.sub(" ", ascii_text.lower()).strip()
