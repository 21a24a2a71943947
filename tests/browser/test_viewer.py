"""The viewer's page: figures that move, changes from the page, freshness that does not lie, hostile texts."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.domain.watchlist import Film
from cinematch.settings import Settings
from serving_layer.dashboard.looks import PERIOD_SECONDS
from tests.browser.axe import violations
from tests.browser.conftest import ROUTERS
from tests.browser.pump import pumping
from tests.browser.site import Site, served

pytestmark = pytest.mark.integration

HOSTILE = '<img src=x onerror="document.title=1">\u202e"\'&'
FILMS = [
    Film("heat", "Heat", 1995, ("Crime", "Drama"), ("Michael Mann",), ("Al Pacino",), 170, "/posters/heat.svg"),
    Film("thief", "Thief", 1981, ("Crime",), ("Michael Mann",), ("James Caan",), 122, "/posters/thief.svg"),
    Film("ombra", "Città d'Ombra", 2001, ("Drama",), (), (), 90, "/posters/ombra.svg"),
    Film("evil", HOSTILE, 2020, (HOSTILE,), (HOSTILE,), (HOSTILE,), 60, "/posters/evil.svg"),
]
TRENDS = {
    "type": "global_trends",
    "top_movies": [
        {"movie_id": film.movie_id, "title": film.title, "poster_path": film.poster_path, "count": 9 - place}
        for place, film in enumerate(FILMS)
    ],
    "trending_genres": [
        {"genre": "Crime", "count": 6, "percentage": 60.0},
        {"genre": "Drama", "count": 4, "percentage": 40.0},
    ],
    "genre_counts": {"Crime": 6, "Drama": 4},
    "total_movies_analyzed": 9,
    "updated_at": datetime.now(UTC).isoformat(),
    "source": "bootstrap",
}
FIRST_VIEW_BYTES = 500_000
SETTLED_MS = 1_500
THEMES = ("light", "dark")
WHEN_READY = {
    "/": "#choose a",
    "/?user_id=anna": "#top [data-film]",
    "/?user_id=nobody": "#choose a",
    "/trends": "#top [data-film]",
}
"""Pages, and what is there once they are done."""


@pytest.fixture(scope="module", autouse=True)
def _lists(site: Site, site_settings: Settings, site_database: SyncDatabase) -> Iterator[None]:
    CatalogWriter(site_database).add_missing(FILMS)
    site_database["global_stats"].insert_one(dict(TRENDS))
    with pumping(site_settings):
        for user_id in ("anna", "bob", HOSTILE.replace("\u202e", "")):
            rate(site, user_id, "heat", 9)
        rate(site, "anna", "thief", 7.5)
        rate(site, "bob", "evil", 5)
        yield


def rate(site: Site, user_id: str, movie_id: str, rating: float) -> None:
    body = {"user_id": user_id, "movie_id": movie_id, "rating": rating}
    answer = httpx.post(f"{site.url}/movies", json=body, timeout=60)
    assert answer.status_code == 200, answer.text


def card(name: str) -> str:
    return f'[data-card="{name}"] [data-value]'


def shown(page: Page, user_id: str) -> Page:
    """Show a user and wait for the figures."""
    page.goto(f"/?user_id={user_id}")
    expect(page.locator(card("films"))).not_to_have_text("–")
    return page


def test_a_user_is_found_and_shown_and_the_address_says_whose_films_these_are(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Whose films?")).to_be_visible()
    page.get_by_role("link", name="anna").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("anna")
    assert page.url.endswith("user_id=anna")
    page.get_by_label("User").fill("bob")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bob")


def test_users_are_found_by_the_beginning_of_their_id_while_somebody_types(page: Page, site: Site) -> None:
    shown(page, "anna")
    choice = page.locator("#choose a")
    expect(choice).to_have_count(0)
    page.get_by_label("User").fill("bo")
    expect(choice).to_have_text(["bob"])
    page.get_by_label("User").fill("<b>")
    expect(page.locator("#choose")).to_contain_text("No id begins so.")
    choice_of_all = httpx.get(f"{site.url}/dashboard/people", timeout=60).text
    assert "&lt;img src=x onerror" in choice_of_all
    assert "<img" not in choice_of_all


def test_a_choice_that_cannot_be_had_is_told(page: Page) -> None:
    page.route("**/dashboard/people", lambda route: route.fulfill(status=503, json={}))
    page.goto("/")
    expect(page.locator("#notice")).to_have_text("The users could not be loaded.")


def test_a_list_is_compared_with_everyones(page: Page) -> None:
    shown(page, "anna")
    rows = page.locator("#everyone [data-versus] tbody tr")
    expect(rows.nth(0)).to_have_text(re.compile(r"^mean rating8\.25\d"))
    expect(rows.nth(1)).to_have_text(re.compile(r"^films2\d"))
    expect(page.locator('#everyone [data-freshness="everyone"]')).to_contain_text("people, added up")


def test_the_figures_move_when_an_event_arrives_from_elsewhere(page: Page, site: Site) -> None:
    rate(site, "carla", "heat", 8)
    shown(page, "carla")
    expect(page.locator(card("films"))).to_have_text("1")
    rate(site, "carla", "thief", 6)
    expect(page.locator(card("films"))).to_have_text("2")
    expect(page.locator(card("mean"))).to_have_text("7")
    expect(page.locator("#recent [data-film]")).to_have_count(2)


def test_a_film_is_searched_added_rated_anew_and_removed(page: Page, site: Site) -> None:
    rate(site, "dora", "heat", 8)
    shown(page, "dora")
    page.get_by_placeholder("Search the catalog by title").fill("citta d ombra")
    page.locator("#rating").select_option("6.5")
    page.get_by_role("button", name="Add Città d'Ombra").click()
    expect(page.locator("#notice")).to_have_text("Saved: Città d'Ombra, event 2.")
    expect(page.locator(card("films"))).to_have_text("2")
    page.get_by_label("Rating of Città d'Ombra").focus()
    page.get_by_label("Rating of Città d'Ombra").select_option("10")
    expect(page.locator(card("mean"))).to_have_text("9")
    expect(page.get_by_label("Rating of Città d'Ombra")).to_be_focused()
    page.get_by_role("button", name="Remove Città d'Ombra").click()
    expect(page.locator(card("films"))).to_have_text("1")
    expect(page.locator("#listed [data-film]")).to_have_count(1)
    assert httpx.get(f"{site.url}/stats?user_id=dora", timeout=60).json()["freshness"]["applied_sequence"] == 4


def test_an_answer_that_comes_late_does_not_put_older_figures_over_what_the_stream_told(page: Page, site: Site) -> None:
    rate(site, "lena", "heat", 8)
    shown(page, "lena")
    expect(page.locator("[data-connection]")).to_have_text("live")
    old = httpx.get(f"{site.url}/dashboard/users/stats?user_id=lena", timeout=60).json()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/dashboard/users/stats?*", hold)
    page.get_by_label("Rating of Heat").select_option("6")
    expect(page.locator(card("mean"))).to_have_text("6")
    for route in held:
        route.fulfill(json=old)
    page.wait_for_timeout(SETTLED_MS)
    expect(page.locator(card("mean"))).to_have_text("6")


def test_what_the_api_refuses_is_told_on_the_page(page: Page, site: Site) -> None:
    shown(page, "anna")
    page.route("**/movies", lambda route: route.fulfill(status=503, json={"detail": "the store is away"}))
    page.get_by_placeholder("Search the catalog by title").fill("ombra")
    page.get_by_role("button", name="Add Città d'Ombra").click()
    expect(page.locator("#notice")).to_have_text("the store is away")
    expect(page.locator("#notice")).to_have_attribute("data-kind", "error")


def test_a_user_who_does_not_exist_is_told_so_and_others_are_offered(page: Page) -> None:
    page.goto("/?user_id=nobody")
    expect(page.locator("#notice")).to_have_text("There is no user nobody yet.")
    expect(page.get_by_role("link", name="anna")).to_be_visible()
    expect(page.locator("#statistics")).to_be_hidden()


def test_a_page_without_its_server_says_so_and_does_not_call_old_figures_live(
    browser: Browser, site_settings: Settings
) -> None:
    with served(site_settings, ROUTERS) as site:
        page = browser.new_page(base_url=site.url, locale="en-GB")
        shown(page, "anna")
        chip = page.locator('#ratings [data-freshness="stats"]')
        expect(chip).to_have_attribute("data-state", "fresh")
    expect(page.locator("[data-connection]")).to_have_text("disconnected; trying again", timeout=30_000)
    expect(chip).to_have_attribute("data-state", "failed")
    expect(page.locator("#ratings")).to_have_attribute("data-old", "true")
    page.close()


def test_missing_events_make_the_figures_partial_and_not_fresh(page: Page, site_database: SyncDatabase) -> None:
    shown(page, "anna")
    chip = page.locator('#ratings [data-freshness="stats"]')
    site_database["user_sequences"].update_one({"_id": "anna"}, {"$inc": {"sequence": 1}})
    try:
        expect(chip).to_have_attribute("data-state", "delayed")
        expect(chip).to_have_attribute("data-state", "partial", timeout=20_000)
        expect(chip).to_contain_text("partial: 1 event missing")
    finally:
        site_database["user_sequences"].update_one({"_id": "anna"}, {"$inc": {"sequence": -1}})
    expect(chip).to_have_attribute("data-state", "fresh")


def test_the_trends_tell_since_when_the_first_event_waits_that_they_do_not_count(
    site: Site, site_database: SyncDatabase
) -> None:
    before = datetime.now(UTC)
    rate(site, "fritz", "heat", 8)
    for counted_at, waits in ((before - timedelta(seconds=1), True), (datetime.now(UTC) + timedelta(hours=1), False)):
        site_database["global_stats"].update_one({}, {"$set": {"updated_at": counted_at.isoformat()}})
        time.sleep(PERIOD_SECONDS)
        since = httpx.get(f"{site.url}/dashboard/trends", timeout=60).json()["waiting_since"]
        assert (since is not None) == waits
        assert not waits or abs(datetime.fromisoformat(since) - before) < timedelta(seconds=10)


@pytest.mark.parametrize(("seconds", "state"), [(None, "fresh"), (20, "fresh"), (120, "delayed"), (600, "stale")])
def test_trends_that_leave_an_event_out_for_long_are_not_called_fresh(
    page: Page, seconds: int | None, state: str
) -> None:
    since = None if seconds is None else (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    page.route("**/dashboard/trends/stream", lambda route: route.fulfill(status=503))
    page.route("**/dashboard/trends", lambda route: route.fulfill(json={**TRENDS, "waiting_since": since}))
    page.goto("/trends")
    expect(page.locator('#top [data-freshness="trends"]')).to_have_attribute("data-state", state)
    expect(page.locator("[data-connection]")).to_have_text("asking every few seconds")


@pytest.mark.parametrize(("seconds", "state"), [(None, "fresh"), (120, "delayed"), (600, "stale")])
def test_everyones_genres_are_as_fresh_as_the_trends_page_says(page: Page, seconds: int | None, state: str) -> None:
    since = None if seconds is None else (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    page.route("**/dashboard/trends", lambda route: route.fulfill(json={**TRENDS, "waiting_since": since}))
    shown(page, "bob")
    chip = page.locator('#everyone [data-freshness="everyone"]')
    expect(chip).to_have_attribute("data-state", state)
    expect(page.locator("#everyone")).to_have_attribute("data-old", str(state == "stale").lower())
    expect(chip).to_contain_text("people, added up" if state == "fresh" else "the community's genres: counted")


@pytest.mark.parametrize("path", ["/?user_id=bob", "/trends"])
def test_hostile_titles_and_names_are_text(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("#top [data-film]").first).to_be_visible()
    expect(page.locator("#top bdi", has_text="onerror").first).to_be_visible()
    assert "CineMatch" in page.title()
    assert page.locator('img[src="x"]').count() == 0


def test_a_table_stands_behind_each_chart(page: Page) -> None:
    shown(page, "anna")
    charts = page.locator(".panel:has([data-chart]):visible")
    assert charts.count() >= 6
    for chart in charts.all():
        chart.get_by_text("As a table").click()
        assert chart.locator("tbody tr").count() >= 1
    expect(page.locator("#ratings [data-legend] li")).to_have_text(["batch", "live"])
    rows = page.locator("#ratings tbody tr").all_inner_texts()
    assert [re.split(r"\s+", row) for row in rows][8] == ["9", "0", "1", "1"]


def test_the_figures_can_be_taken_along(page: Page, tmp_path: Path) -> None:
    shown(page, "anna")
    saved = {}
    for button, suffix in (("Share card", "png"), ("Download JSON", "json"), ("Download CSV", "csv")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert download.value.suggested_filename == f"cinematch-anna.{suffix}"
        saved[suffix] = tmp_path / f"anna.{suffix}"
        download.value.save_as(saved[suffix])
    assert saved["png"].read_bytes().startswith(b"\x89PNG")
    assert json.loads(saved["json"].read_text())["total_watched"] == 2
    with saved["csv"].open(encoding="utf-8-sig", newline="") as file:
        assert ["summary", "total_watched", "2"] in list(csv.reader(file))


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    shown(page, "anna")
    page.get_by_label("User").focus()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"share", "download-json", "query", "rating", "SUMMARY", "SELECT"} <= reached


@pytest.mark.parametrize("path", WHEN_READY)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("locale", ["en-GB", "it-IT"])
def test_axe_finds_nothing(new_page: Callable[..., Page], path: str, theme: str, locale: str) -> None:
    page = new_page(color_scheme=theme, locale=locale, reduced_motion="reduce")
    page.goto(path)
    expect(page.locator(WHEN_READY[path]).first).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/?user_id=anna", "/?user_id=bob", "/trends"])
def test_nothing_sticks_out_at_360_pixels(new_page: Callable[..., Page], path: str) -> None:
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto(path)
    expect(page.locator("#top [data-film]").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_two_visitors_watch_one_user(new_context: Callable[..., BrowserContext], site: Site) -> None:
    rate(site, "emma", "heat", 8)
    pages = [shown(new_context().new_page(), "emma") for _ in range(2)]
    rate(site, "emma", "thief", 8)
    for page in pages:
        expect(page.locator(card("films"))).to_have_text("2")


@pytest.mark.parametrize("path", ["/", "/?user_id=anna", "/trends", "/operator"])
def test_a_first_view_is_small(page: Page, path: str) -> None:
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(path)
    page.wait_for_timeout(SETTLED_MS)
    assert len(sizes) > 10
    assert sum(sizes) <= FIRST_VIEW_BYTES
