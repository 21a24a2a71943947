"""`cinematch demo` with its own API and mode, and the viewer's page of one user in a headless Chromium; a film a second
is added to the list. The page notes when its card shows the new number of films: the time counts from the sending of
the POST. Beside it, for every second film, stands the same until `GET /stats?min_sequence=` answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Page

from benchmarks.embedded_stack import demo
from benchmarks.population import SEED
from benchmarks.quantiles import percentile
from benchmarks.rows import Bound, Findings, Goal, compared
from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client, connect
from ingestion.seeding.catalog import invented_catalog
from tests.browser.chromium import chromium, launched, missing_reason

TITLE: Final = "Event to page"
LIMIT: Final = (
    "The view has to have the event first; then the stream of server-sent events looks for what is new every half "
    "second, and Chromium shares the two cores with the stack."
)
SECONDS: Final = (None, 700.0)
USER: Final = "bench-page"
FILMS: Final = 120
WARM_UP_FILMS: Final = 10
SECONDS_APART: Final = 1.0
WAIT_MS: Final = 30_000
ASK_ONCE: Final = Patience(attempts=1)
CARD: Final = '[data-card="films"] [data-value]'
SHOWN: Final = """([card, wanted]) => new Promise(done => {
    const shown = document.querySelector(card);
    const look = () => Number(shown.textContent) >= wanted && (watch.disconnect(), done(Date.now()));
    const watch = new MutationObserver(look);
    watch.observe(shown, {childList: true, characterData: true, subtree: true});
    look();
})"""
"""Gives when (UNIX time in ms) the card showed the wanted number; one clock serves page and client."""


def measure(quick: bool) -> Findings:
    """Start the stack, open the page, add films. Raises RuntimeError when there is no browser."""
    with demo() as stack, connect(url := stack.status()["api"], ASK_ONCE) as api:
        first = _add(api, 0)
        with _viewer(url) as page:
            page.evaluate(SHOWN, [CARD, first])
            pages, answers = list[float](), list[float]()
            for film in range(1, WARM_UP_FILMS + FILMS):
                began = time.time()
                sequence = _add(api, film)
                if film % 2:
                    api.stats(USER, sequence)
                    answers.append((time.time() - began) * 1000)
                shown_at = page.evaluate(SHOWN, [CARD, sequence])
                if not film % 2:
                    pages.append(shown_at - began * 1000)
                time.sleep(SECONDS_APART)
    warm = WARM_UP_FILMS // 2
    rows = []
    for share in (50, 95):
        goal = Goal(Bound.AT_MOST, 3_000.0, of_ratio=False) if share == 95 else None
        ours, beside = percentile(pages[warm:], share), percentile(answers[warm:], share)
        rows.append(compared(f"POST to moved card, p{share}, beside POST to answer", "ms", [ours], [beside], goal))
    return Findings(rows)


def _add(api: Client, number: int) -> int:
    """Add a film to the user's list; give the sequence, which is the number of films, too."""
    return api.add(USER, invented_catalog(SEED)[number].movie_id, rating=7.5).sequence


@contextmanager
def _viewer(url: str) -> Iterator[Page]:
    """Open the page of the user."""
    executable = chromium()
    if executable is None:
        raise RuntimeError(missing_reason())
    with launched(executable) as browser:
        page = browser.new_page(base_url=url)
        page.set_default_timeout(WAIT_MS)
        page.goto(f"/?user_id={USER}")
        yield page
