"""The page in a real browser, with our real server and pictures that the test makes behind it.

One Chromium serves the whole folder. Its driver keeps a loop in the thread that started it, which
must not be the one where other tests run Trio; so the tests of this folder, which are plain
functions, run in a thread of their own. Every test has a fresh page, and fails when that wrote an
error into its console.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.helpers.chromium import launch, listen_for_errors
from tests.web.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

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
def browser(browser_thread: ThreadPoolExecutor) -> Iterator[Browser]:
    stack = ExitStack()

    def begin() -> Browser:
        expect.set_options(timeout=WAIT_MS)
        return launch(stack.enter_context(sync_playwright()))

    yield browser_thread.submit(begin).result()
    browser_thread.submit(stack.close).result()


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A server without a password; a test that wants one says so (indirect)."""
    with open_stage(**getattr(request, "param", {})) as stage:
        yield stage


@pytest.fixture
def page(stage: Stage, browser: Browser, browser_thread: ThreadPoolExecutor) -> Iterator[Page]:
    """An empty page: what `page.goto("/")` shows is set before."""

    def begin() -> tuple[BrowserContext, Page, list[str]]:
        context = browser.new_context(
            base_url=stage.url,
            viewport={"width": 1024, "height": 900},
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
            locale="en-GB",
        )
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        return context, page, listen_for_errors(page)

    context, page, errors = browser_thread.submit(begin).result()
    yield page
    browser_thread.submit(context.close).result()
    assert errors == []
