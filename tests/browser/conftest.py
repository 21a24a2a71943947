"""A browser, and the application that it visits.

One Chromium a module: Playwright's own event loop ends with it, so asynchronous tests elsewhere find none running.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from cinematch.adapters import redis_client
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings, StatsMode
from ingestion.routes import router as ingestion_router
from serving_layer.dashboard.routes import router as dashboard_router
from serving_layer.routes import router as serving_router
from tests.browser.chromium import chromium, launched, missing_reason
from tests.browser.site import Site, served

ROUTERS = (ingestion_router, serving_router, dashboard_router)
WAIT_MS = 15_000
"""How long a test waits for the page, on a busy machine."""
LOAD_MS = 60_000
"""How long a page may take to load with all its files, on a machine that many tests share."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    executable = chromium()
    if executable is None:
        pytest.skip(missing_reason())
    expect.set_options(timeout=WAIT_MS)
    with launched(executable) as instance:
        yield instance


@pytest.fixture(scope="module")
def site_settings(mongo_server: MongoServer, redis_server: RedisServer) -> Iterator[Settings]:
    """Settings of the module's own database on the session's servers, in mode `lambda`.

    Redis is emptied: a user of the same name in another module is another one.
    """
    name = f"browser-{secrets.token_hex(6)}"
    settings = Settings(
        mongodb_url=mongo_server.url,
        redis_url=redis_server.url,
        redis_timeout_seconds=30.0,
        mongodb_database=name,
        stats_mode=StatsMode.LAMBDA,
    )
    with connect(settings) as client, redis_client.connect(settings) as redis:
        redis.flushall()
        ensure_schema(client[name])
        yield settings
        client.drop_database(name)


@pytest.fixture(scope="module")
def site_database(site_settings: Settings) -> Iterator[SyncDatabase]:
    """The module's database, with its schema."""
    with connect(site_settings) as client:
        yield client[site_settings.mongodb_database]


@pytest.fixture(scope="module")
def site(site_settings: Settings) -> Iterator[Site]:
    """The running application: ingestion, serving and dashboard, without Kafka or Spark."""
    with served(site_settings, ROUTERS) as running:
        yield running


class Visit:
    """What went wrong during a test's visits: errors of scripts, refusals of the policy, requests to others."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.errors: list[str] = []
        self.strays: list[str] = []

    def attend(self, page: Page) -> None:
        """Listen to a page."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)
        page.on("request", self._requested)

    def _heard(self, message: ConsoleMessage) -> None:
        # An answer that is an error is a state of the page, which tests look at themselves; browser and htmx log it.
        expected = ("Failed to load resource", "Response Status Error Code")
        if message.type == "error" and not message.text.startswith(expected):
            self.errors.append(message.text)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.strays.append(request.url)


@pytest.fixture
def visit(site: Site) -> Iterator[Visit]:
    """Every test with pages also checks that they broke nothing and talked to nobody else."""
    visit = Visit(site.url)
    yield visit
    assert visit.errors == []
    assert visit.strays == []


@pytest.fixture
def new_context(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Give contexts (as of `browser.new_context`) that end with the test."""
    with ExitStack() as contexts:

        def new(**options: object) -> BrowserContext:
            context = browser.new_context(**{"base_url": site.url, "locale": "en-GB", **options})  # type: ignore[arg-type]
            contexts.callback(context.close)
            context.set_default_timeout(WAIT_MS)
            context.set_default_navigation_timeout(LOAD_MS)
            return context

        yield new


@pytest.fixture
def new_page(new_context: Callable[..., BrowserContext], visit: Visit) -> Callable[..., Page]:
    """Give pages that `visit` attends; options are those of `browser.new_context`."""

    def new(**options: object) -> Page:
        page = new_context(**options).new_page()
        visit.attend(page)
        return page

    return new


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page of 1280 x 800."""
    return new_page(viewport={"width": 1280, "height": 800})
