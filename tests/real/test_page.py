"""The page in a real browser, against the real program with a real encoder, as an operator uses it.

Chromium is driven from a thread of its own; what the test does to the program meanwhile happens on
the loop. Screenshots stay beside the other output of the run.
"""

from __future__ import annotations

import re
import signal
import subprocess
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from playwright.sync_api import Page, expect, sync_playwright

from recorder.passwords import hash_password
from tests.helpers.chromium import launch, listen_for_errors
from tests.helpers.encoders import Encoder, publish_command
from tests.helpers.program import Recorder, run_recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.debian]

PASSWORD = "correct horse"
WAIT_MS = 15_000


@asynccontextmanager
async def publishing(recorder: Recorder, room: str, source: Path) -> AsyncIterator[trio.Process]:
    """A real encoder at its own pace, for as long as the context lasts."""
    encoder = await trio.lowlevel.open_process(
        publish_command(Encoder.CURRENT_FFMPEG, source, recorder.url(room), pace=1),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield encoder
    finally:
        encoder.kill()
        with trio.CancelScope(shield=True):
            await encoder.wait()


async def in_browser(url: str, use: Callable[[Page], None]) -> list[str]:
    """Use the page in a browser; returns the errors that it wrote into its console."""
    return await trio.to_thread.run_sync(partial(_browse, url, use))


def _browse(url: str, use: Callable[[Page], None]) -> list[str]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1024, "height": 900})
        page.set_default_timeout(WAIT_MS)
        errors = listen_for_errors(page)
        page.goto(url)
        use(page)
        browser.close()
    return errors


def log_in(page: Page) -> None:
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Password").fill("wrong password")
    page.keyboard.press("Enter")
    expect(page.locator("#ask-error")).to_have_text("The password is wrong.", timeout=WAIT_MS)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT_MS)


def confirm(page: Page, button: str) -> None:
    page.locator("#hall-card, .card").first.get_by_role("button", name=button, exact=True).click()
    page.locator("#ask-yes").click()
    expect(page.locator("#ask")).not_to_be_visible(timeout=WAIT_MS)


async def test_an_operator_sees_and_does_it_all(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", 60)
    status = {"password": hash_password(PASSWORD, b"0123456789abcdef")}
    async with run_recorder(tmp_path, ["hall"], status=status) as recorder:
        async with publishing(recorder, "hall", source) as encoder:
            await recorder.line(r"\bhall: recording 1 began")

            def operate(page: Page) -> None:
                word, safe = page.locator(".card .word"), page.locator(".card .facts")
                expect(page.locator("#banner")).to_contain_text("Log in", timeout=WAIT_MS)
                expect(page.locator(".card")).to_have_count(0)
                log_in(page)
                expect(word).to_have_text("Recording", timeout=WAIT_MS)
                expect(page.locator("#banner")).to_have_class("banner good")
                expect(page).to_have_title(re.compile("^● 1 REC . Recorder$"))
                before = safe.inner_text()
                expect(safe).not_to_have_text(before, timeout=WAIT_MS)
                for scheme in ("dark", "light"):
                    page.emulate_media(color_scheme=scheme)
                    for width in (320, 768, 1440):
                        page.set_viewport_size({"width": width, "height": 900})
                        page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
                        wider = "document.documentElement.scrollWidth > innerWidth"
                        assert not page.evaluate(wider), (scheme, width)
                confirm(page, "Split")
                trio.from_thread.run(recorder.line, r"\bhall: recording 2 began")
                confirm(page, "Stop")
                expect(word).to_have_text("Stopped", timeout=WAIT_MS)
                trio.from_thread.run(recorder.line, r"\bhall: recording 2 ended \(stopped\)")
                confirm(page, "Start")
                trio.from_thread.run(recorder.line, r"\bhall: recording 3 began")
                expect(word).to_have_text("Recording", timeout=WAIT_MS)
                _keep_and_delete(page)
                _fetch(page, recorder)
                # An encoder that falls silent is an alarm, and one that goes on is none.
                encoder.send_signal(signal.SIGSTOP)
                expect(page.locator("#alarms")).to_contain_text("sent nothing", timeout=WAIT_MS)
                expect(page.locator("#banner")).to_contain_text("sent nothing")
                page.get_by_role("button", name="Seen").click()
                expect(page.locator("#alarms")).to_contain_text("seen by operator", timeout=WAIT_MS)
                encoder.send_signal(signal.SIGCONT)
                expect(page.locator("#no-alarms")).to_be_visible(timeout=2 * WAIT_MS)
                # A recorder that does not answer is grey, whatever was green.
                recorder.send(signal.SIGSTOP)
                expect(page.locator("body")).to_have_class("stale", timeout=WAIT_MS)
                expect(page.locator("#banner")).to_have_class("banner grey")
                expect(page).to_have_title("? Recorder")
                recorder.send(signal.SIGCONT)
                expect(page.locator("#link")).to_have_text("live", timeout=2 * WAIT_MS)
                expect(page.locator("#banner")).not_to_have_class("banner grey")

            errors = await in_browser(recorder.page, operate)
        assert errors == []
        await recorder.stop()
    (first,) = [each for each in recorder.recordings("hall") if each.folder.name[:7] == "0000001"]
    assert (first.folder / "KEEP").exists()
    assert len(recorder.recordings("hall")) == 2


def _keep_and_delete(page: Page) -> None:
    page.get_by_role("button", name="Show").click()
    lines = page.locator("#recordings > li")
    expect(lines).to_have_count(3, timeout=WAIT_MS)
    lines.nth(2).get_by_role("button", name="Keep").click()
    expect(lines.nth(2)).to_contain_text("kept", timeout=WAIT_MS)
    lines.nth(1).get_by_role("button", name="Delete").click()
    page.locator("#ask-yes").click()
    expect(page.locator("#ask-error")).to_have_text("Type 2 to confirm.")
    page.locator("#ask-field").fill("2")
    page.keyboard.press("Enter")
    expect(lines).to_have_count(2, timeout=WAIT_MS)


def _fetch(page: Page, recorder: Recorder) -> None:
    page.locator("#recordings > li").nth(1).locator("summary").click()
    link = page.locator("#recordings > li").nth(1).locator("details a").first
    path = link.get_attribute("href")
    assert path is not None
    content = (recorder.storage / path.removeprefix("/recordings/")).read_bytes()
    answer = page.request.get(f"{recorder.page}{path}", headers={"Range": "bytes=3-12"})
    assert (answer.status, answer.body()) == (206, content[3:13])
    assert page.request.get(f"{recorder.page}{path}").body() == content


async def test_one_room_on_a_tablet_and_everything_by_keyboard(
    sources: Sources, tmp_path: Path
) -> None:
    async with run_recorder(tmp_path, ["hall", "lab"]) as recorder:
        async with publishing(recorder, "hall", sources.get("h264-aac", 60)):
            await recorder.line(r"\bhall: recording 1 began")

            def operate(page: Page) -> None:
                expect(page.locator(".card")).to_have_count(2, timeout=WAIT_MS)
                expect(page.locator(".card.recording .word")).to_be_visible(timeout=WAIT_MS)
                for _ in range(12):
                    page.keyboard.press("Tab")
                    if page.evaluate("document.activeElement.textContent") == "Split":
                        break
                page.keyboard.press("Enter")
                expect(page.locator("#ask")).to_be_visible()
                page.keyboard.press("Escape")
                expect(page.locator("#ask")).not_to_be_visible()
                page.goto(f"{recorder.page}/#hall")
                expect(page.locator(".card")).to_have_count(1, timeout=WAIT_MS)
                expect(page.locator("body")).to_have_class("single")
                page.screenshot(path=tmp_path / "one-room.png")

            assert await in_browser(recorder.page, operate) == []
        await recorder.stop()
