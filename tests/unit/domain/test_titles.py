"""What two spellings of one title share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.titles import normalize_title


@pytest.mark.parametrize(
    ("title", "normalized"),
    [
        ("Città d'Ombra", "citta d ombra"),
        ("Straße", "strasse"),
        ("Æon Flux", "aeon flux"),
        ("  S.W.A.T.: $9.99  ", "s w a t 9 99"),
        ("El niño", "el nino"),
        ("七人の侍", "qi ren noshi"),
        ("???", ""),
        ("", ""),
        ("a\ud800b", "a b"),
    ],
)
def test_title_is_reduced_to_ascii_words(title: str, normalized: str) -> None:
    assert normalize_title(title) == normalized


any_text = st.text(alphabet=st.characters(exclude_categories=()))


@given(any_text)
def test_normalising_is_defined_for_every_string_and_idempotent(title: str) -> None:
    once = normalize_title(title)
    assert normalize_title(once) == once


@given(any_text)
def test_only_words_of_ascii_letters_and_digits_remain(title: str) -> None:
    words = normalize_title(title).split(" ")
    assert words == [""] or all(word.isascii() and word.isalnum() and word == word.lower() for word in words)
