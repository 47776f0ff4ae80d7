"""What stands on the page: every state, every alarm, and how old it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from recorder.status.snapshot import PublisherView, RoomState
from tests.status.snapshots import alarm, picture, room

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

WORDS = {
    RoomState.IDLE: "Idle",
    RoomState.STARTING: "Starting",
    RoomState.RECORDING: "Recording",
    RoomState.WAITING: "Waiting",
    RoomState.STALLED: "Disk stalls",
    RoomState.STOPPED: "Stopped",
    RoomState.FAULT: "Not recorded",
}


def test_every_state_has_its_word_its_icon_and_its_colour(page: Page, stage: Stage) -> None:
    stage.show(picture(rooms=tuple(room(state, state=state) for state in RoomState)))
    page.goto("/")
    icons, colours = set(), set()
    for state, word in WORDS.items():
        card = page.locator(f".card.{state}")
        expect(card.locator(".word")).to_have_text(word)
        icons.add(card.locator(".state path").first.get_attribute("d"))
        colours.add(card.locator(".word").evaluate("it => getComputedStyle(it).color"))
    assert len(icons) == len(WORDS)
    assert len(colours) >= 5


def test_three_missed_ticks_turn_everything_grey_whatever_the_connection_says(
    page: Page, stage: Stage
) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.locator("#banner")).to_have_class("banner good")
    stage.fall_silent()
    page.clock.fast_forward(4000)
    expect(page.locator("body")).to_have_class("stale")
    expect(page.locator("#banner")).to_have_class("banner grey")
    expect(page).to_have_title("? Recorder")


def test_text_of_peers_is_never_html(page: Page, stage: Stage) -> None:
    evil = "<img src=x onerror=alert(1)><b>b</b>"
    publisher = PublisherView(address=evil, software=evil, age_s=1.0)
    shown = room(title=evil, publisher=publisher, state=RoomState.FAULT, reason=evil)
    stage.show(picture(rooms=(shown,), alarms=(alarm(text=evil, advice=evil),)))
    page.goto("/")
    expect(page.locator(".card .reason")).to_have_text(evil)
    expect(page.locator("#banner")).to_contain_text(evil)
    assert page.locator("img, main b b, .card b").count() == 0
