"""The page in a real browser, against the real program with real encoders, as an operator uses it.

Chromium is driven from a thread of its own; what the test does to the program meanwhile happens on
the loop. What needs no real program is in tests/web.
"""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from playwright.sync_api import expect, sync_playwright

from recorder.passwords import hash_password
from tests.helpers.chromium import launch, listen_for_errors
from tests.helpers.encoders import Encoder, publish_command
from tests.helpers.media import aac_config, aac_frame, avc_config, avc_frame
from tests.helpers.program import Recorder, key_of, run_recorder
from tests.helpers.rtmp_client import RtmpClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.helpers.encoders import Sources

pytestmark = [pytest.mark.real, pytest.mark.debian]

PASSWORD = "correct horse"
STATUS = {"password": hash_password(PASSWORD, b"0123456789abcdef")}
WAIT_MS = 20_000
SOURCE_S = 60
REAL_ROOMS = ["hall", "lab", "gym", "library"]
OWN_ROOMS = [f"room{number}" for number in range(1, 5)]


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


@asynccontextmanager
async def playing(recorder: Recorder, *rooms: str) -> AsyncIterator[None]:
    """An encoder of our own in each of these rooms, for as long as the context lasts."""
    async with trio.open_nursery() as nursery:
        for room in rooms:
            nursery.start_soon(send_pictures, recorder, room)
        yield
        nursery.cancel_scope.cancel()


async def send_pictures(recorder: Recorder, room: str) -> None:
    """Ten small pictures a second, and a sound with each, until cancelled."""
    client = RtmpClient()
    async with await recorder.connect() as stream, trio.open_nursery() as nursery:
        nursery.start_soon(hear, client, stream)
        client.start(f"{room}?key={key_of(room)}")
        client.video(0, avc_config())
        client.audio(0, aac_config())
        for number in itertools.count():
            client.video(number * 100, avc_frame(key=number % 10 == 0, size=5000))
            client.audio(number * 100, aac_frame())
            await stream.send_all(client.data_to_send())
            await trio.sleep(0.1)


async def hear(client: RtmpClient, stream: trio.SocketStream) -> None:
    while data := await stream.receive_some():
        client.receive(data)


async def in_browser(url: str, use: Callable[[Page], None]) -> None:
    """Use the page in a browser. It must write no error into its console."""
    await trio.to_thread.run_sync(partial(_browse, url, use))


def _browse(url: str, use: Callable[[Page], None]) -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        errors: list[str] = []
        listen_for_errors(page, errors)
        page.goto(url)
        use(page)
        browser.close()
    assert errors == []


def figure(page: Page, room: str, name: str) -> Locator:
    """The value of one row of a room's card."""
    return page.locator(f".card:has(.name:text-is('{room}')) div:has(> dt:text-is('{name}')) > dd")


async def test_an_operator_sees_what_the_encoders_and_the_recorder_do(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", SOURCE_S)
    async with run_recorder(
        tmp_path,
        [*REAL_ROOMS, *OWN_ROOMS, "idle"],
        status=STATUS,
        storage={"sync_interval": "1s"},
        # As people have it: what is counted only when a file is closed would stand still.
        segments={"duration": "10m"},
    ) as recorder:
        async with AsyncExitStack() as stack:
            encoders = [
                await stack.enter_async_context(publishing(recorder, room, source))
                for room in REAL_ROOMS
            ]
            await stack.enter_async_context(playing(recorder, *OWN_ROOMS))
            for room in (*REAL_ROOMS, *OWN_ROOMS):
                await recorder.line(rf"\b{room}: recording \d+ began")

            def look(page: Page) -> None:
                expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")
                expect(page.locator(".card")).to_have_count(0)
                page.get_by_role("button", name="Log in").click()
                for password in ("wrong password", PASSWORD):
                    page.get_by_label("Password").fill(password)
                    with page.expect_response("**/api/v1/login"):
                        page.keyboard.press("Enter")
                expect(page.locator("#link")).to_have_text("live")
                expect(page.locator(".card")).to_have_count(9)
                expect(page.locator(".card.recording")).to_have_count(8)
                expect(page).to_have_title(re.compile("● 8 recording · Recorder$"))
                see_it_count(page)
                see_an_alarm(page, encoders[0])
                see_it_turn_grey_and_back(page, recorder)
                # The encoder has gone on meanwhile.
                expect(page.locator("#alarms")).not_to_contain_text("sent nothing")
                expect(page.locator(".card.recording")).to_have_count(8)

            await in_browser(recorder.page, look)
        await recorder.stop()


def see_it_count(page: Page) -> None:
    for room in ("hall", OWN_ROOMS[0]):
        safe, lasting = figure(page, room, "safe on disk"), figure(page, room, "recording")
        before, then = safe.inner_text(), lasting.inner_text()
        expect(safe).not_to_have_text(before)
        expect(lasting).not_to_have_text(then)
    expect(figure(page, "hall", "picture")).to_have_text(re.compile(r"^\d+.\d+$"))
    expect(figure(page, "hall", "frames")).to_have_text(re.compile(r"^\d+\.\d /s"))
    expect(figure(page, "hall", "bitrate")).to_have_text(re.compile("bit/s"))
    expect(figure(page, "hall", "last media")).to_have_text(re.compile(r"^[0-3] s ago$"))
    line = page.locator(".card .chart .line").first
    expect(line).to_have_attribute("d", re.compile("^M.+L"))


def see_an_alarm(page: Page, encoder: trio.Process) -> None:
    """On a busy machine others may stand beside it: connections that are late."""
    encoder.send_signal(signal.SIGSTOP)
    line = page.locator("#alarms > li", has_text="hall: the encoder is connected and has sent no")
    expect(line).to_be_visible()
    expect(page.locator("#banner")).to_have_class(re.compile("warning|critical"))
    expect(page).to_have_title(re.compile("^[▲◆] [0-9]+ alarm"))
    expect(page.locator(".card", has_text="hall").locator(".mark")).to_be_visible()
    line.get_by_role("button", name="Seen: ").click()
    expect(line).to_contain_text("seen by operator")
    encoder.send_signal(signal.SIGCONT)


def see_it_turn_grey_and_back(page: Page, recorder: Recorder) -> None:
    recorder.send(signal.SIGSTOP)
    expect(page.locator("body")).to_have_class("stale")
    expect(page.locator("#banner")).to_have_class("banner grey")
    expect(page).to_have_title("? Recorder")
    recorder.send(signal.SIGCONT)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("body")).not_to_have_class("stale")


def press(page: Page, name: str) -> None:
    """Go there by Tab, and use it. By the name that a screen reader says."""
    focused = "(document.activeElement.ariaLabel || document.activeElement.textContent).trim()"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab leads not to {name!r}")


async def test_an_operator_does_everything_by_keyboard(sources: Sources, tmp_path: Path) -> None:
    source = sources.get("h264-aac", SOURCE_S)
    async with run_recorder(tmp_path, ["hall", "lab"], status=STATUS) as recorder:
        async with publishing(recorder, "hall", source):
            await recorder.line(r"\bhall: recording 1 began")

            def operate(page: Page) -> None:
                word, dialog = page.locator(".card .word").first, page.locator("#ask")
                expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")
                press(page, "Log in")
                page.keyboard.type(PASSWORD)
                page.keyboard.press("Enter")
                expect(word).to_have_text("Recording")
                for button, line, state in (
                    ("Split", r"\bhall: recording 2 began", "Recording"),
                    ("Stop", r"\bhall: recording 2 ended \(stopped\)", "Stopped"),
                    ("Start", r"\bhall: recording 3 began", "Recording"),
                ):
                    press(page, f"{button} hall")
                    expect(dialog).to_be_visible()
                    page.keyboard.press("Enter")
                    expect(dialog).to_be_hidden()
                    trio.from_thread.run(recorder.line, line)
                    expect(word).to_have_text(state)
                keep_and_delete(page)
                fetch(page, recorder)

            await in_browser(recorder.page, operate)
        await recorder.stop()
    first, third = recorder.recordings("hall")
    assert (first.folder.name[:7], third.folder.name[:7]) == ("0000001", "0000003")
    assert (first.folder / "KEEP").exists()


def keep_and_delete(page: Page) -> None:
    lines = page.locator("#recordings > li")
    expect(page.locator("#archive-old")).to_be_visible()
    press(page, "Show")
    expect(lines).to_have_count(3)
    press(page, "Delete recording 2")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(lines).to_have_count(2)
    press(page, "Keep recording 1")
    expect(lines.nth(1)).to_contain_text("kept")


def fetch(page: Page, recorder: Recorder) -> None:
    press(page, page.locator("#recordings summary").last.inner_text())
    link = page.locator("#recordings details a:visible").first
    path = link.get_attribute("href")
    assert path is not None
    content = (recorder.storage / path.removeprefix("/recordings/")).read_bytes()
    answer = page.request.get(f"{recorder.page}{path}", headers={"Range": "bytes=3-12"})
    assert (answer.status, answer.body()) == (206, content[3:13])
    with page.expect_download() as download:
        press(page, link.inner_text())
    assert download.value.path().read_bytes() == content


@pytest.mark.long
async def test_one_room_on_a_tablet_outlives_a_restart_of_the_recorder(tmp_path: Path) -> None:
    seen, grey, back = trio.Event(), trio.Event(), trio.Event()

    def look(page: Page) -> None:
        page.set_viewport_size({"width": 1024, "height": 768})
        for event in (seen, back):
            expect(page.locator("body")).to_have_class("single")
            expect(page.locator(".card.recording .word")).to_have_text("Recording")
            expect(page).to_have_title(re.compile("● Recording · hall$"))
            trio.from_thread.run_sync(event.set)
            if event is seen:
                expect(page.locator("body")).to_have_class("single stale")
                expect(page).to_have_title("? Recorder")
                trio.from_thread.run_sync(grey.set)
        expect(page.locator("#link")).to_have_text("live")
        page.keyboard.press("Escape")
        expect(page.locator(".card")).to_have_count(2)

    async with trio.open_nursery() as nursery:
        async with run_recorder(tmp_path, ["hall", "lab"]) as recorder:
            async with playing(recorder, "hall"):
                # It outlives this program: that it goes grey, and on with the next, is looked at.
                nursery.start_soon(in_browser, f"{recorder.page}/#hall", look)  # noqa: ASYNC111
                await seen.wait()
            await recorder.stop()
        await grey.wait()
        listen = {"listen": recorder.config["status"]["listen"]}
        async with run_recorder(
            tmp_path, ["hall", "lab"], initialise=False, port=recorder.port, status=listen
        ) as recorder:
            async with playing(recorder, "hall"):
                await back.wait()
            await recorder.stop()
