"""The states of the viewer's and the trends' page: loading, empty, failed, stale; looks and movement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.event_codec import from_document
from cinematch.contracts.generations import list_chunks
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from cinematch.settings import Settings
from tests.browser.axe import violations
from tests.browser.pump import pumping
from tests.browser.site import Site

pytestmark = pytest.mark.integration

FILMS = [
    Film("heat", "Heat", 1995, ("Crime", "Drama"), ("Michael Mann",), ("Al Pacino",), 170, "/posters/heat.svg"),
    Film("thief", "Thief", 1981, ("Crime",), ("Michael Mann",), ("James Caan",), 122, "/posters/thief.svg"),
    Film("ombra", "Città d'Ombra", 2001, ("Drama",), ("A. Rossi",), ("B. Bianchi",), 90, "/posters/ombra.svg"),
    Film("remake", "Heat", 2024, ("Drama",), (), (), 100, "/posters/remake.svg"),
]
TRENDS: dict[str, Any] = {
    "type": "global_trends",
    "top_movies": [
        {
            "movie_id": film.movie_id,
            "title": film.title,
            "poster_path": film.poster_path,
            "year": film.year,
            "count": 9 - place,
        }
        for place, film in enumerate(FILMS)
    ],
    "trending_genres": [{"genre": "Drama", "count": 6, "percentage": 100.0}],
    "genre_counts": {"Drama": 6},
    "total_movies_analyzed": 9,
    "updated_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),  # so that no event waits to be counted
    "source": "streaming_incremental",
    "previous_top": ["thief", "ombra", "heat", "other"],
    "compared_with": "2026-01-19T23:59:40+00:00",
}
VIEWER, TRENDS_PAGE = "/?user_id=anna", "/trends"
LIVE_DATA = {VIEWER: "**/dashboard/users/stats**", TRENDS_PAGE: "**/dashboard/trends**"}
"""The pages, and the addresses of the documents that they follow."""
FIGURES = {
    VIEWER: ("ratings", "genres", "everyone", "top", "recent", "directors", "actors"),
    TRENDS_PAGE: ("top", "genres"),
}
NOT_LOADED = "This could not be loaded. The page tries again by itself."
THEMES = ("light", "dark")


@pytest.fixture(scope="module", autouse=True)
def _lists(site: Site, site_settings: Settings, site_database: SyncDatabase) -> Iterator[None]:
    CatalogWriter(site_database).add_missing(FILMS)
    site_database["global_stats"].insert_one(dict(TRENDS))
    with pumping(site_settings):
        for movie_id, rating in (("heat", 9.0), ("thief", 7.5)):
            rate(site, "anna", movie_id, rating)
        yield


def rate(site: Site, user_id: str, movie_id: str, rating: float) -> None:
    body = {"user_id": user_id, "movie_id": movie_id, "rating": rating}
    answer = httpx.post(f"{site.url}/movies", json=body, timeout=60)
    assert answer.status_code == 200, answer.text


def placeholder(page: Page, panel: str) -> Locator:
    return page.locator(f"#{panel} [data-placeholder]")


def is_shown(page: Page) -> None:
    """Wait until the page has its figures."""
    expect(page.locator("#top [data-film]").first).to_be_visible()


def unanswered(_: Route) -> None:
    """Let a request hang."""


@pytest.mark.parametrize("path", LIVE_DATA)
def test_what_is_still_loading_says_so_in_every_panel(page: Page, path: str) -> None:
    page.route(LIVE_DATA[path], unanswered)
    page.goto(path)
    for panel in FIGURES[path]:
        expect(placeholder(page, panel)).to_have_text("Loading …")
        expect(placeholder(page, panel)).to_be_visible()
        expect(page.locator(f"#{panel} .chip")).to_have_attribute("data-state", "loading")
    expect(page.locator("#genres [data-chart]")).to_be_hidden()


def test_everyones_figures_are_loading_before_they_are_partial(page: Page) -> None:
    page.route("**/dashboard/community", unanswered)
    page.goto(VIEWER)
    is_shown(page)
    expect(page.locator("#everyone .chip")).to_have_attribute("data-state", "loading")
    page.unroute("**/dashboard/community")
    page.route("**/dashboard/community", lambda route: route.abort())
    page.reload()
    expect(page.locator("#everyone .chip")).to_have_text("partial: everyone's lists could not be added up")


@pytest.mark.parametrize("path", LIVE_DATA)
@pytest.mark.parametrize("outage", ["no answer", "503"])
def test_an_outage_at_load_is_told_and_ends_without_a_reload(page: Page, path: str, outage: str) -> None:
    problem = {"status": 503, "title": "Store unavailable"}
    page.route(
        LIVE_DATA[path],
        lambda route: route.abort() if outage == "no answer" else route.fulfill(status=503, json=problem),
    )
    page.goto(path)
    for panel in FIGURES[path]:
        expect(placeholder(page, panel)).to_have_text(NOT_LOADED)
    expect(page.locator("[data-connection]")).to_have_text("disconnected; trying again")
    expect(page.locator("#top .chip")).to_have_text("failed: no answer yet")
    if path == VIEWER:
        expect(page.locator("#listed [data-film]")).to_have_count(2)
    assert violations(page) == []
    page.unroute(LIVE_DATA[path])
    is_shown(page)
    expect(placeholder(page, "top")).to_be_hidden()


def test_trends_that_are_not_computed_yet_are_no_outage(page: Page, site_database: SyncDatabase) -> None:
    site_database["global_stats"].delete_many({})
    try:
        page.goto("/trends")
        for panel in FIGURES["/trends"]:
            expect(placeholder(page, panel)).to_contain_text("The trends are not computed yet.")
        expect(page.locator("[data-connection]")).to_have_text("live")
        expect(page.locator("#top .chip")).to_have_text("no count yet")
        assert violations(page) == []
    finally:
        site_database["global_stats"].insert_one(dict(TRENDS))
    is_shown(page)


def test_an_empty_list_is_told_in_every_panel(page: Page, site: Site) -> None:
    rate(site, "carla", "heat", 8)
    httpx.delete(f"{site.url}/movies/heat", params={"user_id": "carla"}, timeout=60).raise_for_status()
    page.goto("/?user_id=carla")
    for panel in ("ratings", "genres", "everyone", "weeks", "weekdays", "decades", "top", "recent"):
        expect(placeholder(page, panel)).to_have_text("Nothing yet.")
    for panel in ("directors", "actors"):
        expect(placeholder(page, panel)).to_have_text("Nobody has enough films yet.")
    expect(placeholder(page, "list")).to_have_text("No film in the list yet.")


def test_trends_without_a_film_are_told(page: Page) -> None:
    empty = {**TRENDS, "top_movies": [], "trending_genres": [], "waiting_since": None}
    page.route("**/dashboard/trends/stream", lambda route: route.fulfill(status=503))
    page.route("**/dashboard/trends", lambda route: route.fulfill(json=empty))
    page.goto("/trends")
    for panel in FIGURES["/trends"]:
        expect(placeholder(page, panel)).to_have_text("Nothing yet.")


@pytest.mark.parametrize("path", LIVE_DATA)
def test_who_asked_too_often_waits_as_told_and_goes_on(page: Page, path: str) -> None:
    page.route(LIVE_DATA[path], lambda route: route.fulfill(status=429, headers={"Retry-After": "2"}, json={}))
    page.goto(path)
    expect(page.locator("[data-connection]")).to_have_text("too many requests; the next in 2 s")
    expect(page.locator("#top .chip")).to_have_attribute("data-state", "loading")
    page.unroute(LIVE_DATA[path])
    is_shown(page)
    expect(page.locator("[data-connection]")).to_have_text("live")


@pytest.mark.parametrize("status", [403, 404, 422])
def test_only_a_refusal_ends_the_page(page: Page, status: int) -> None:
    page.route(LIVE_DATA[VIEWER], lambda route: route.fulfill(status=status, json={}))
    page.goto(VIEWER)
    expect(page.locator("#notice")).to_be_visible()
    expect(page.locator("#statistics")).to_be_hidden()


@pytest.mark.parametrize("path", LIVE_DATA)
@pytest.mark.parametrize("theme", THEMES)
def test_figures_that_failed_look_old_and_stay_easy_to_read(
    new_page: Callable[..., Page], path: str, theme: str
) -> None:
    page = new_page(color_scheme=theme, reduced_motion="reduce")
    answers: list[str] = []

    def first_then_none(route: Route) -> None:
        if route.request.url.split("?")[0].endswith("/stream") or answers:
            route.abort()
            return
        answers.append(route.request.url)
        route.continue_()

    page.route(LIVE_DATA[path], first_then_none)
    page.goto(path)
    is_shown(page)
    expect(page.locator("#genres .chip")).to_have_attribute("data-state", "failed")
    expect(page.locator("#genres")).to_have_attribute("data-old", "true")
    if path == VIEWER:
        expect(page.locator(".cards")).to_have_attribute("data-old", "true")
    assert violations(page) == []


@pytest.mark.parametrize("path", LIVE_DATA)
@pytest.mark.parametrize("theme", THEMES)
def test_figures_that_nobody_confirms_look_old_and_stay_easy_to_read(
    new_page: Callable[..., Page], path: str, theme: str
) -> None:
    page = new_page(color_scheme=theme, reduced_motion="reduce")
    page.clock.install()
    answers: list[str] = []

    def first_then_silence(route: Route) -> None:
        if route.request.url.split("?")[0].endswith("/stream"):
            route.fulfill(status=503)
        elif not answers:
            answers.append(route.request.url)
            route.continue_()

    page.route(LIVE_DATA[path], first_then_silence)
    page.goto(path)
    is_shown(page)
    page.clock.fast_forward("00:30")
    expect(page.locator("#genres .chip")).to_have_attribute("data-state", "stale")
    expect(page.locator("#genres")).to_have_attribute("data-old", "true")
    assert violations(page) == []


@pytest.mark.parametrize("path", LIVE_DATA)
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_who_wants_no_motion(
    new_page: Callable[..., Page], site: Site, path: str, motion: str
) -> None:
    page = new_page(reduced_motion=motion)
    moves = motion == "no-preference"
    running = "document.getAnimations().filter((one) => one.playState === 'running').length > 0"
    page.route(LIVE_DATA[path], unanswered)
    page.goto(path)
    expect(placeholder(page, "genres")).to_be_visible()
    assert page.evaluate(running) is moves
    page.unroute(LIVE_DATA[path])
    page.reload()
    is_shown(page)
    expect(page.locator("#genres .chip")).to_have_attribute("data-state", "fresh")
    assert page.evaluate(running) is moves
    chart = "echarts.getInstanceByDom(document.querySelector('#genres [data-chart]')).getOption().animation"
    assert page.evaluate(chart) is moves


def with_batch(database: SyncDatabase, user_id: str) -> None:
    """Let a batch run that has the user's events so far have been published."""
    outbox = database["outbox"].find({"user_id": user_id}).sort("sequence", 1)
    watchlist = replay(from_document(document) for document in outbox)
    now = datetime.now(UTC)
    generations = MongoGenerations(database)
    number = generations.create("test", now, None, None).number
    summary = summarise(watchlist, {film.movie_id: film for film in FILMS})
    generations.write(number, [batch_document(user_id, summary, number, now)], list_chunks(user_id, watchlist))
    generations.publish(number, now)


def looks(page: Page, panel: str) -> list[str]:
    return [str(item.get_attribute("data-look")) for item in page.locator(f"#{panel} [data-legend] li").all()]


def parts(page: Page, name: str) -> list[str]:
    return page.locator(f'[data-card="{name}"] [data-parts] span').all_inner_texts()


def test_what_the_batch_counted_is_told_from_what_came_since_and_from_what_no_batch_counts(
    page: Page, site: Site, site_database: SyncDatabase
) -> None:
    for movie_id, rating in (("heat", 9.0), ("thief", 8.0)):
        rate(site, "dora", movie_id, rating)
    with_batch(site_database, "dora")
    page.goto("/?user_id=dora")
    is_shown(page)
    assert parts(page, "films") == ["batch 2"]
    expect(page.locator(".since")).to_have_count(0)
    for movie_id, rating in (("ombra", 10.0), ("remake", 6.0)):
        rate(site, "dora", movie_id, rating)
    expect(page.locator('[data-card="films"] [data-value]')).to_have_text("4")

    assert parts(page, "films") == ["batch 2", "live +2"]
    assert parts(page, "hours") == ["batch 4.9", "live +3.1"]
    assert parts(page, "mean") == ["batch 8.5", "live −0.25"]
    assert parts(page, "genre") == ["batch Crime", "live Drama"]
    for panel in ("top", "recent"):
        expect(page.locator(f"#{panel} [data-film]:has(.since)")).to_have_count(2)
        assert page.locator(f'#{panel} [data-film="heat"] .since').count() == 0
    expect(page.locator("#actors tr:has(.since)")).to_have_text([r"B. Bianchilive1101.5"])
    assert [looks(page, panel) for panel in ("ratings", "genres")] == [["solid", "live"]] * 2
    assert [looks(page, panel) for panel in ("weeks", "weekdays", "decades")] == [["list"]] * 3
    assert looks(page, "everyone") == ["list", "everyone"]
    expect(page.locator("footer.bottom")).to_contain_text("Outlined: as the lists stand, counted by no batch.")


def test_where_no_batch_is_told_apart_nothing_is_drawn_as_if_one_had_counted_it(page: Page, site: Site) -> None:
    answer = httpx.get(f"{site.url}/dashboard/users/stats", params={"user_id": "anna"}, timeout=60).json()
    of_a_view = {**answer, "freshness": {**answer["freshness"], "mode": "micro_batch", "batch_generation": None}}
    page.route("**/dashboard/users/stats/stream**", lambda route: route.fulfill(status=503))
    page.route("**/dashboard/users/stats?**", lambda route: route.fulfill(json=of_a_view))
    page.goto(VIEWER)
    is_shown(page)
    assert [looks(page, panel) for panel in ("ratings", "genres")] == [["list"]] * 2
    assert [parts(page, name) for name in ("films", "mean")] == [["as the list stands"]] * 2
    expect(page.locator(".since")).to_have_count(0)


def test_without_a_batch_everything_is_live(page: Page) -> None:
    page.goto(VIEWER)
    is_shown(page)
    assert parts(page, "mean") == ["live, no batch yet"]
    expect(page.locator("#top [data-film]:has(.since)")).to_have_count(2)


def test_each_card_says_how_it_is_computed(page: Page) -> None:
    page.goto(VIEWER)
    is_shown(page)
    for card in page.locator(".card").all():
        card.get_by_text("How is this computed?").click()
        expect(card.locator(".how p")).to_be_visible()


def test_the_list_follows_events_from_elsewhere_and_says_how_far_it_reaches(page: Page, site: Site) -> None:
    rate(site, "emma", "heat", 8)
    page.goto("/?user_id=emma")
    expect(page.locator("#listed [data-film]")).to_have_count(1)
    rate(site, "emma", "thief", 6)
    expect(page.locator("#listed [data-film]")).to_have_count(2)
    expect(page.locator("#list .chip")).to_contain_text("up to event 2")
    expect(page.locator("#list .chip")).to_have_attribute("data-state", "fresh")


def test_movement_is_told_against_the_day_before_whoever_looks(page: Page) -> None:
    page.goto("/trends")
    is_shown(page)
    moved = page.locator("#top .movement")
    # Before: thief, ombra, heat, other. Now: heat, thief, ombra, remake.
    expect(moved).to_have_text(["▲ 2up 2 places", "▼ 1down 1 place", "▼ 1down 1 place", "new"])
    page.reload()
    is_shown(page)
    expect(moved.first).to_have_text("▲ 2up 2 places")


def test_on_the_first_day_there_are_no_arrows(page: Page) -> None:
    first = {**TRENDS, "compared_with": None, "waiting_since": None}
    page.route("**/dashboard/trends/stream", lambda route: route.fulfill(status=503))
    page.route("**/dashboard/trends", lambda route: route.fulfill(json=first))
    page.goto("/trends")
    is_shown(page)
    expect(page.locator("#top .movement")).to_have_count(0)
    expect(page.locator("[data-compared]")).to_have_text(
        "Arrows come tomorrow: there is no earlier day to compare with."
    )


def test_films_of_one_title_are_told_apart_by_their_year(page: Page) -> None:
    page.goto("/trends")
    is_shown(page)
    heats = page.locator("#top [data-film]", has_text="Heat").locator(".about")
    expect(heats).to_contain_text(["1995", "2024"])
