"""Invented titles, in five languages and with the characters that real ones hold: `.`, `$`, `:`, accents."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cinematch.domain.titles import normalize_title
from ingestion.seeding.vocabulary import ADJECTIVES, FIRST_NAMES, LAST_NAMES, NOUNS, PLACES, ROMANCE_AND_GERMAN

PATTERNS: Final[Mapping[str, int]] = {
    "The {adjective} {noun}": 300,
    "{adjective} {noun}": 240,
    "The {noun} of {place}": 240,
    "The {noun} and the {noun}": 120,
    "{adjective} {noun} {part}": 40,
    "{foreign}": 20,
    "{honorific} {last_name} in {place}": 20,
    "${price} for {first_name}": 10,
    "{abbreviation} {place} {noun}": 10,
}
"""How titles are built, and how common that is in a thousand."""

_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "abbreviation": ("S.O.S.", "Vol. 1:", "No. 9,", "V.I.P."),
    "adjective": ADJECTIVES,
    "first_name": FIRST_NAMES,
    "foreign": [f"{opening} {ending}" for first, last in ROMANCE_AND_GERMAN for opening in first for ending in last],
    "honorific": ("Dr.", "Mrs.", "Mr.", "St."),
    "last_name": LAST_NAMES,
    "noun": NOUNS,
    "part": ("II", "III", "2", "Returns"),
    "place": PLACES,
    "price": [f"{hundreds}00" for hundreds in range(2, 100)],
}
_SLOT: Final = re.compile(r"\{(\w+)\}")


def invented_titles(rng: random.Random) -> Iterator[str]:
    """Give titles for ever, no two of them alike once normalised."""
    taken: set[str] = set()
    while True:
        title = _title(rng)
        if normalize_title(title) not in taken:
            taken.add(normalize_title(title))
            yield title


def _title(rng: random.Random) -> str:
    (pattern,) = rng.choices(list(PATTERNS), list(PATTERNS.values()))
    return _SLOT.sub(lambda slot: rng.choice(_WORDS[slot[1]]), pattern)
