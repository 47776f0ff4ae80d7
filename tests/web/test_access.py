"""axe-core finds no fault that keeps people out, in either scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.axe import grave_faults
from tests.web.houses import house
from tests.web.stage import recording

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = [pytest.mark.debian, pytest.mark.npm]


def check(page: Page) -> None:
    """In both schemes; but for contrasts they are the same page."""
    assert grave_faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert grave_faults(page, only=["color-contrast"]) == []
    page.emulate_media(color_scheme="light")


def test_axe_sees_what_is_wrong(page: Page) -> None:
    page.set_content("<html lang=en><title>x</title><main><button></button></main>")
    assert any(each.startswith("button-name") for each in grave_faults(page))


@pytest.mark.parametrize("rooms", [1, 8, 100])
def test_nothing_keeps_people_out(page: Page, stage: Stage, rooms: int) -> None:
    stage.show(house(rooms))
    stage.actions.archive = [
        recording(42, kept=True, gaps=1, repaired=1, suspect=1, clock="untrusted"),
        recording(41, damaged=True),
    ]
    page.goto("/")
    expect(page.locator(".card")).to_have_count(rooms)
    expect(page.locator("#recordings > li")).to_have_count(2)
    check(page)


def test_nor_does_one_room_alone_nor_a_dialog(page: Page, stage: Stage) -> None:
    stage.show(house(8))
    page.goto("/#room106")
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_text("All figures").click()
    check(page)
    page.get_by_role("button", name="Split Library").click()
    expect(page.locator("#ask")).to_be_visible()
    check(page)


@pytest.mark.parametrize("stage", [{"password": True}], indirect=True)
def test_nor_does_the_login(page: Page, stage: Stage) -> None:
    page.goto("/")
    check(page)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#ask-error")).to_have_text("The password is wrong.")
    check(page)


def test_nor_does_a_page_that_is_old(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    stage.show(house(8))
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    stage.fall_silent()
    page.clock.fast_forward(4000)
    expect(page.locator("body")).to_have_class("stale")
    page.clock.resume()
    check(page)
