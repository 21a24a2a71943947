"""Laws of the merge: batch + tail == recompute, split anywhere, with any margin of kept rows."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cinematch.contracts.batch_document import batch_document, read_summary
from cinematch.domain import summary as summary_module
from cinematch.domain.statistics import statistics, statistics_of
from cinematch.domain.summary import Person, Summary, WholeListNeeded, director_key, merge, summarise
from cinematch.domain.totals import Credit
from cinematch.domain.watchlist import replay
from tests.strategies import EPOCH, History, histories

cuts = st.floats(0, 1)


@pytest.fixture(
    scope="class", params=[(50, 3_000, 300, 10), (6, 5, 5, 3), (3, 3, 3, 3)], ids=["shipped", "small", "tight"]
)
def margins(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run each law with the shipped margins, and with ones so small that every incomplete case occurs."""
    names = ("KEEP_FILMS", "KEEP_DIRECTORS", "KEEP_ACTORS", "PLACES")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(names, request.param, strict=True):
            patch.setattr(summary_module, name, value)
            if name == "PLACES":
                patch.setattr("cinematch.domain.statistics.PLACES", value)
        yield


def split(history: History, *fractions: float) -> list[int]:
    return sorted(int(fraction * len(history.events)) for fraction in fractions)


@pytest.mark.usefixtures("margins")
class TestMerge:
    @given(histories(), cuts)
    def test_batch_and_tail_equal_a_recomputation(self, history: History, cut: float) -> None:
        (at,) = split(history, cut)
        base = summarise(replay(history.events[:at]), history.films)
        merged = merge(base, history.events[at:], history.films)
        if not isinstance(merged, WholeListNeeded):
            assert statistics(merged) == statistics_of(replay(history.events), history.films)
            assert merged.sequence == len(history.events)

    @given(histories(), cuts, cuts)
    def test_a_tail_may_be_split_anywhere(self, history: History, one: float, two: float) -> None:
        first, second = split(history, one, two)
        base = summarise(replay(history.events[:first]), history.films)
        halfway = merge(base, history.events[first:second], history.films)
        assume(not isinstance(halfway, WholeListNeeded))
        assert isinstance(halfway, Summary)
        merged = merge(halfway, history.events[second:], history.films)
        if not isinstance(merged, WholeListNeeded):
            assert statistics(merged) == statistics_of(replay(history.events), history.films)

    @given(histories(), cuts)
    def test_an_empty_tail_changes_nothing(self, history: History, cut: float) -> None:
        (at,) = split(history, cut)
        base = summarise(replay(history.events[:at]), history.films)
        merged = merge(base, [], history.films)
        assert not isinstance(merged, WholeListNeeded)
        assert statistics(merged) == statistics(base)

    @given(histories())
    def test_the_empty_summary_is_the_zero(self, history: History) -> None:
        merged = merge(Summary(), history.events, history.films)
        assert not isinstance(merged, WholeListNeeded)
        assert statistics(merged) == statistics_of(replay(history.events), history.films)

    @given(histories())
    def test_a_batch_document_gives_back_its_summary(self, history: History) -> None:
        summary = summarise(replay(history.events), history.films)
        assert read_summary(batch_document("user", summary, 1, EPOCH)) == summary


@given(st.lists(st.tuples(st.integers(2, 1_000_000), st.integers(5, 100)), min_size=2, max_size=2), st.integers(-1, 1))
def test_directors_are_ranked_by_their_exact_means(credits: list[tuple[int, int]], more: int) -> None:
    """Also where two means lie as close together as they can."""
    (rated, mean), (others, _) = credits
    one = Credit(films=rated, rated=rated, rating_tenths=rated * mean)
    other = Credit(films=rated, rated=others, rating_tenths=others * mean + more)
    means = [Fraction(it.rating_tenths, it.rated) for it in (one, other)]
    keys = [director_key(Person("", it)) for it in (one, other)]
    assert (keys[0] < keys[1], keys[0] == keys[1]) == (means[0] > means[1], means[0] == means[1])


def test_the_whole_list_is_needed_only_when_the_margin_is_gone() -> None:
    """With the shipped margins, a tail of 40 deletions of the best films of a long list still merges."""
    history = long_history(2_000)
    base = summarise(replay(history.events[:2_000]), history.films)
    assert not base.top_rated.complete
    assert isinstance(merge(base, history.events[2_000:2_040], history.films), Summary)
    assert isinstance(merge(base, history.events[2_000:2_041], history.films), WholeListNeeded)


def test_additions_to_a_long_list_need_no_whole_list() -> None:
    """Whoever directed or played in them, known to the list or not, and however they are rated."""
    from tests.histories import add, film

    films = {
        f"m{n}": film(f"m{n}", directors=(f"Director {n % 1_500}",), actors=(f"Actor {n % 40}", f"Actor {n}"))
        for n in range(2_400)
    }
    events = [add(n + 1, f"m{n}", rating=5 + n % 51 / 10) for n in range(2_400)]
    base = summarise(replay(events[:2_300]), films)
    assert not base.actors.complete
    assert isinstance(merge(base, events[2_300:], films), Summary)


def long_history(films: int) -> History:
    """A list of `films` films with ratings that fall, then deletions from the best one downwards."""
    from tests.histories import add, delete, film

    catalog = {f"m{n}": film(f"m{n}") for n in range(films)}
    adds = [add(n + 1, f"m{n}", rating=10 - n % 95 / 10) for n in range(films)]
    best = sorted(adds, key=lambda event: (-(event.rating or 0), -event.sequence))
    deletes = [delete(films + 1 + n, event) for n, event in enumerate(best[:60])]
    return History(catalog, adds + deletes)
