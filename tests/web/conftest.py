"""The page in a real browser, with our real server and pictures that the test makes behind it.

One Chromium serves the whole folder. Its driver keeps a loop in the thread that started it, which
must not be the one where other tests run Trio; so the tests of this folder, which are plain
functions, run in a thread of their own. A test fails when its page wrote an error into its console.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.helpers.chromium import launch, listen_for_errors
from tests.web.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.web.stage import Stage

WAIT_MS = 10_000


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    thread = pyfuncitem.funcargs["browser_thread"]
    assert isinstance(thread, ThreadPoolExecutor)
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    thread.submit(pyfuncitem.obj, **arguments).result()
    return True


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser") as thread:
        yield thread


@pytest.fixture(scope="session")
def theatre() -> Iterator[Stage]:
    """The server behind the pages of all tests, which each of them sets up anew."""
    with open_stage() as stage:
        yield stage


@attrs.frozen
class Pages:
    """Attributes:
    plain: a page as people have it.
    clocked: one whose time a test can let pass.
    errors: what either wrote into its console.
    """

    plain: Page
    clocked: Page
    errors: list[str]


@pytest.fixture(scope="session")
def pages(browser_thread: ThreadPoolExecutor, theatre: Stage) -> Iterator[Pages]:
    """One browser with two pages for all tests: a new one each costs more than most of them."""
    stack = ExitStack()

    def begin() -> Pages:
        expect.set_options(timeout=WAIT_MS)
        browser = launch(stack.enter_context(sync_playwright()))
        errors: list[str] = []
        plain, clocked = (new_page(browser, theatre.url, errors) for _ in range(2))
        clocked.clock.install()
        return Pages(plain, clocked, errors)

    yield browser_thread.submit(begin).result()
    browser_thread.submit(stack.close).result()


def new_page(browser: Browser, url: str, errors: list[str]) -> Page:
    context = browser.new_context(
        base_url=url, reduced_motion="reduce", timezone_id="Europe/Berlin", locale="en-GB"
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    listen_for_errors(page, errors)
    return page


@pytest.fixture
def stage(request: pytest.FixtureRequest, theatre: Stage) -> Stage:
    """A server without a password; a test that wants one says so (indirect)."""
    theatre.set_up(**getattr(request, "param", {}))
    return theatre


@pytest.fixture
def page(stage: Stage, pages: Pages, browser_thread: ThreadPoolExecutor) -> Iterator[Page]:
    """An empty page: what `page.goto("/")` shows is set before."""
    yield from used(pages.plain, pages, browser_thread)


@pytest.fixture
def clocked_page(stage: Stage, pages: Pages, browser_thread: ThreadPoolExecutor) -> Iterator[Page]:
    """One whose time a test can let pass: `page.clock.fast_forward`."""
    yield from used(pages.clocked, pages, browser_thread)


def used(page: Page, pages: Pages, thread: ThreadPoolExecutor) -> Iterator[Page]:
    """As if it were new. Nothing of the page before may be left: it would ask the next stage."""

    def clean() -> None:
        page.context.clear_cookies()
        page.set_viewport_size({"width": 1024, "height": 900})
        page.emulate_media(color_scheme="light")
        pages.errors.clear()

    thread.submit(clean).result()
    yield page
    thread.submit(page.goto, "about:blank").result()
    assert pages.errors == []
