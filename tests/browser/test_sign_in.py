"""The dashboard with AUTH=jwt: sign in and out, whose page is whose, and what other sites can make a browser do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.api.session_cookie import LOOPBACK_NAME
from cinematch.domain.watchlist import Film
from cinematch.settings import Settings
from tests.browser.axe import violations
from tests.browser.conftest import ROUTERS
from tests.browser.pump import pumping
from tests.browser.site import Site, served
from tests.tokens import bearer, secured, token

pytestmark = pytest.mark.integration

HOSTILE = "<img src=x onerror=document.title=1>"
FILMS = [Film("heat", "Heat", 1995, ("Crime",)), Film("thief", "Thief", 1981, ("Crime",))]


@pytest.fixture(scope="module")
def site(site_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running application, which asks who calls."""
    with served(secured(site_settings, tmp_path_factory.mktemp("keys")), ROUTERS) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _lists(site: Site, site_settings: Settings, site_database: SyncDatabase) -> Iterator[None]:
    CatalogWriter(site_database).add_missing(FILMS)
    with pumping(site_settings):
        for user_id in ("anna", "bob", HOSTILE):
            rate(site, user_id, "heat", 9)
        yield


def rate(site: Site, user_id: str, movie_id: str, rating: float) -> None:
    body = {"user_id": user_id, "movie_id": movie_id, "rating": rating}
    answer = httpx.post(f"{site.url}/movies", json=body, headers=bearer(token(user_id)), timeout=60)
    assert answer.status_code == 200, answer.text


def sign_in(page: Page, text: str, path: str = "/") -> None:
    page.goto(path)
    page.get_by_label("Token").fill(text)
    page.get_by_role("button", name="Sign in").click()


def card(name: str) -> str:
    return f'[data-card="{name}"] [data-value]'


def test_a_stranger_is_led_to_the_sign_in_and_then_to_their_own_page(page: Page) -> None:
    sign_in(page, token("anna"))
    expect(page.locator(card("films"))).to_have_text("1")
    assert page.url.endswith("/?user_id=anna")
    expect(page.locator(".caller")).to_have_text("anna")
    expect(page.get_by_label("User")).to_have_count(0)
    expect(page.get_by_role("link", name="Operator")).to_have_count(0)


def test_figures_move_on_the_page_of_who_is_signed_in(page: Page, site: Site) -> None:
    rate(site, "carla", "heat", 7)
    sign_in(page, token("carla"))
    expect(page.locator(card("films"))).to_have_text("1")
    expect(page.locator("[data-connection]")).to_have_text("live")
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url))
    rate(site, "carla", "thief", 8)
    expect(page.locator(card("films"))).to_have_text("2")
    assert [it for it in asked if "/users/stats?" in it] == []  # the stream told it


def test_a_film_is_added_with_the_cookie(page: Page, site: Site) -> None:
    rate(site, "dora", "heat", 7)
    sign_in(page, token("dora"))
    page.get_by_placeholder("Search the catalog by title").fill("thief")
    page.get_by_role("button", name="Add Thief").click()
    expect(page.locator(card("films"))).to_have_text("2")


def test_the_token_is_where_no_script_and_no_other_site_gets_it(page: Page) -> None:
    text = token("anna")
    sign_in(page, text)
    expect(page.locator(card("films"))).to_have_text("1")
    (cookie,) = [it for it in page.context.cookies() if it["name"] == LOOPBACK_NAME]
    assert (cookie["value"], cookie["httpOnly"], cookie["sameSite"]) == (text, True, "Strict")
    assert 0 < cookie["expires"] - time.time() <= 3_600
    assert text not in page.evaluate(
        "document.cookie + document.documentElement.outerHTML + JSON.stringify(localStorage)"
    )


def test_a_bad_token_is_told_and_kept_nowhere(page: Page) -> None:
    sign_in(page, token("anna", key="stranger"))
    expect(page.locator("#notice")).to_have_text("That did not work: the token is not valid here.")
    expect(page.get_by_label("Token")).to_have_value("")
    assert [it for it in page.context.cookies() if it["name"] == LOOPBACK_NAME] == []


def test_another_users_page_leads_back_to_ones_own(page: Page) -> None:
    sign_in(page, token("anna"))
    expect(page.locator(card("films"))).to_have_text("1")
    page.goto("/?user_id=bob")
    expect(page.get_by_role("heading", level=1)).to_have_text("anna")
    status = "async (path) => (await fetch(path)).status"
    paths = (
        "/stats?user_id=bob",
        "/movies?user_id=bob",
        "/dashboard/users/stats?user_id=bob",
        "/metrics",
        "/users",
    )
    assert {path: page.evaluate(status, path) for path in paths} == dict.fromkeys(paths, 403)


def test_operators_see_everybody_and_change_nobody(page: Page) -> None:
    sign_in(page, token("olga", scope="operator"))
    page.get_by_role("link", name="bob").click()
    expect(page.locator(card("films"))).to_have_text("1")
    expect(page.locator("#listed [data-film]")).to_have_count(1)
    expect(page.locator("#search")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove Heat")).to_have_count(0)
    page.get_by_role("link", name="Operator").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url.endswith("/operator")


def test_the_operators_page_tells_others_what_they_need(page: Page) -> None:
    sign_in(page, token("anna"), "/operator")
    expect(page.get_by_role("alert").first).to_have_text(
        "This page is for operators. Sign in with a token of an operator."
    )
    page.get_by_label("Token").fill(token("olga", scope="operator"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#picture")).to_be_visible()


def test_who_signs_out_is_a_stranger_again(page: Page) -> None:
    sign_in(page, token("anna"))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert [it for it in page.context.cookies() if it["name"] == LOOPBACK_NAME] == []
    page.goto("/?user_id=anna")
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_page_whose_token_expires_asks_for_a_new_one(page: Page) -> None:
    sign_in(page, token("anna"))
    expect(page.locator(card("films"))).to_have_text("1")
    # as a browser has it once the token has expired; the sign-in would refuse such a one
    expired = token("anna", exp=int(time.time()) - 60)
    page.context.add_cookies([{"name": LOOPBACK_NAME, "value": expired, "url": page.url}])
    page.get_by_placeholder("Search the catalog by title").fill("thief")
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_page_whose_token_expired_is_there_again_after_the_sign_in_as_it_was(page: Page) -> None:
    sign_in(page, token("anna"), "/?user_id=anna&lang=en")
    expect(page.locator(card("films"))).to_have_text("1")
    assert page.url.endswith("/?user_id=anna&lang=en")
    expired = token("anna", exp=int(time.time()) - 60)
    page.context.add_cookies([{"name": LOOPBACK_NAME, "value": expired, "url": page.url}])
    page.get_by_placeholder("Search the catalog by title").fill("thief")
    page.get_by_label("Token").fill(token("anna"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(card("films"))).to_have_text("1")
    assert page.url.endswith("/?user_id=anna&lang=en")


def test_a_stream_ends_with_its_token(site: Site) -> None:
    lasting = int(time.time()) + 5
    path = f"{site.url}/dashboard/users/stats/stream?user_id=anna"
    with httpx.stream("GET", path, headers=bearer(token("anna", exp=lasting)), timeout=30) as stream:
        assert stream.status_code == 200
        text = "".join(stream.iter_text())
    assert "event: stats" in text


def test_a_hostile_name_is_text(page: Page) -> None:
    sign_in(page, token(HOSTILE))
    expect(page.locator(card("films"))).to_have_text("1")
    expect(page.locator(".caller")).to_have_text(HOSTILE)
    assert page.locator('img[src="x"]').count() == 0
    assert "CineMatch" in page.title()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_at_the_sign_in(new_page: Callable[..., Page], theme: str) -> None:
    page = new_page(color_scheme=theme)
    page.goto("/sign-in")
    expect(page.get_by_label("Token")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", r"/\evil.example", "javascript:alert(1)"]
)
def test_the_sign_in_leads_to_our_own_pages_only(page: Page, site: Site, elsewhere: str) -> None:
    sign_in(page, token("anna"), f"/sign-in?{urlencode({'next': elsewhere})}")
    expect(page.locator(card("films"))).to_have_text("1")
    assert page.url == f"{site.url}/?user_id=anna"


EVIL = """<!doctype html><form action="{url}/dashboard/session" method="post" enctype="text/plain">
<input name='{{"token":"' value='x"}}'></form><form id="add" action="{url}/movies" method="post" enctype="text/plain">
<input name='{{"user_id":"anna","movie_id":"thief","x":"' value='"}}'></form>"""


def test_another_sites_page_changes_nothing(
    new_context: Callable[..., BrowserContext], site: Site, site_settings: Settings, tmp_path: Path
) -> None:
    context = new_context()
    page = context.new_page()
    sign_in(page, token("anna"))
    expect(page.locator(card("films"))).to_have_text("1")
    evil = context.new_page()
    evil.route(
        "http://evil.example/", lambda route: route.fulfill(body=EVIL.format(url=site.url), content_type="text/html")
    )
    evil.goto("http://evil.example/")
    tries = """async (url) => {
      const body = JSON.stringify({user_id: "anna", movie_id: "thief"});
      const json = {"Content-Type": "application/json"};
      const attempts = [
        fetch(url + "/movies", {method: "POST", body, headers: json, credentials: "include"}),
        fetch(url + "/movies", {method: "POST", body, mode: "no-cors", credentials: "include"}),
        fetch(url + "/movies/heat?user_id=anna", {method: "DELETE", credentials: "include"}),
        fetch(url + "/stats?user_id=anna", {credentials: "include"}),
      ];
      return (await Promise.allSettled(attempts)).map((it) => it.value?.type ?? "refused");
    }"""
    assert set(evil.evaluate(tries, site.url)) <= {"refused", "opaque"}
    evil.evaluate("document.getElementById('add').submit()")
    evil.wait_for_url(f"{site.url}/movies")
    listed = httpx.get(f"{site.url}/movies?user_id=anna", headers=bearer(token("anna")), timeout=60).json()["movies"]
    assert [film["movie_id"] for film in listed] == ["heat"]
