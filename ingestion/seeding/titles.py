"""Invented titles, in five languages and with the characters that real ones hold: `.`, `$`, `:`, accents."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

from cinematch.domain.titles import normalize_title
from ingestion.seeding.vocabulary import ADJECTIVES, FIRST_NAMES, LAST_NAMES, NOUNS, PLACES, ROMANCE_AND_GERMAN


def invented_titles(rng: random.Random) -> Iterator[str]:
    """Give titles for ever, no two of them alike once normalised."""
    taken: set[str] = set()
    patterns, weights = list(TITLE_PATTERNS), list(TITLE_PATTERNS.values())
    while True:
        (pattern,) = rng.choices(patterns, weights)
        title = pattern(rng)
        if normalize_title(title) not in taken:
            taken.add(normalize_title(title))
            yield title


def _the_adjective_noun(rng: random.Random) -> str:
    return f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"


def _adjective_noun(rng: random.Random) -> str:
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"


def _noun_of_place(rng: random.Random) -> str:
    return f"The {rng.choice(NOUNS)} of {rng.choice(PLACES)}"


def _two_nouns(rng: random.Random) -> str:
    return f"The {rng.choice(NOUNS)} and the {rng.choice(NOUNS)}"


def _sequel(rng: random.Random) -> str:
    return f"{_adjective_noun(rng)} {rng.choice(('II', 'III', '2', 'Returns'))}"


def _in_another_language(rng: random.Random) -> str:
    openings, endings = rng.choice(ROMANCE_AND_GERMAN)
    return f"{rng.choice(openings)} {rng.choice(endings)}"


def _person(rng: random.Random) -> str:
    return f"{rng.choice(('Dr.', 'Mrs.', 'Mr.', 'St.'))} {rng.choice(LAST_NAMES)} in {rng.choice(PLACES)}"


def _money(rng: random.Random) -> str:
    return f"${rng.randint(2, 99) * 100:,} for {rng.choice(FIRST_NAMES)}"


def _abbreviation(rng: random.Random) -> str:
    return f"{rng.choice(('S.O.S.', 'Vol. 1:', 'No. 9,', 'V.I.P.'))} {rng.choice(PLACES)} {rng.choice(NOUNS)}"


TITLE_PATTERNS: Final[dict[Callable[[random.Random], str], int]] = {
    _the_adjective_noun: 300,
    _adjective_noun: 240,
    _noun_of_place: 240,
    _two_nouns: 120,
    _sequel: 40,
    _in_another_language: 20,
    _person: 20,
    _money: 10,
    _abbreviation: 10,
}
"""How to invent a title, and how common that is in a thousand."""
