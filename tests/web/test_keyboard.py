"""Everything is reached and done without a mouse, and where the focus is can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.houses import house
from tests.web.stage import recording

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

FOCUSED = """() => {
  const it = document.activeElement;
  const tile = it.closest(".tile") || it;
  const style = getComputedStyle(tile);
  return {
    isBody: it === document.body,
    name: it.getAttribute("aria-label") || it.id || it.textContent,
    isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""
REACHABLE = "a[href], button, input, select, summary"


def tabbed(page: Page) -> list[str]:
    """What Tab comes by, from the first to the last, each of it visibly."""
    names: list[str] = []
    while True:
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["isBody"] or found["name"] in names[:1]:
            return names
        assert found["isSeen"], found
        if found["name"] not in names[-1:]:  # A day has several fields in one.
            names.append(found["name"])


@pytest.mark.parametrize("stage", [{"password": True, "public": True}], indirect=True)
@pytest.mark.parametrize("rooms", [2, 14])
def test_tab_comes_by_everything_that_can_be_used(page: Page, stage: Stage, rooms: int) -> None:
    stage.show(house(max(rooms, 8)))
    stage.actions.archive = [recording(42)]
    page.goto("/")
    page.get_by_role("button", name="Log in").press("Enter")
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")
    expect(page.locator("#recordings > li")).to_have_count(1)
    page.reload()
    expect(page.locator("#recordings > li")).to_have_count(1)
    names = tabbed(page)
    shown = page.locator(REACHABLE).evaluate_all(
        "all => all.filter((it) => it.checkVisibility() && it.tabIndex >= 0)"
        ".map((it) => it.getAttribute('aria-label') || it.id || it.textContent)"
    )
    assert names == shown
    for word in ("skip", "others", "search-room", "Keep recording 42", "Delete recording 42"):
        assert word in names
    if rooms == 2:
        assert "Split Physics" in names
        assert "Start Music" in names
    else:
        assert "Room 106" in names
    assert any(name.startswith("Seen: ") for name in names)


def test_a_tile_is_opened_and_left_by_keys(page: Page, stage: Stage) -> None:
    stage.show(house(14))
    page.goto("/")
    tile = page.get_by_role("link", name="Room 109")
    tile.press("Enter")
    expect(page.locator("body")).to_have_class("single")
    expect(tile).to_be_focused()
    expect(page.get_by_role("button", name="Stop Room 109")).to_be_visible()
    page.get_by_role("button", name="Stop Room 109").press("Enter")
    # The first Escape is the dialog's, the next one leaves the room.
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.locator("body")).to_have_class("single")
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_have_count(14)
    expect(tile).to_be_focused()


def test_a_dialog_keeps_the_focus_in(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Split Physics").press("Enter")
    expect(page.locator("#ask-yes")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || ask.contains(document.activeElement)"
        )


def test_the_way_to_the_rooms_leads_not_to_a_room_of_that_name(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    expect(page.locator("#skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#rooms")).to_be_focused()
    assert page.evaluate("location.hash") == ""


def test_a_room_fills_the_screen_and_leaves_it(page: Page, stage: Stage) -> None:
    page.goto("/#room101")
    page.get_by_role("button", name="Fill the screen").press("Enter")
    expect(page.get_by_role("button", name="Fill the screen")).to_be_hidden()
    expect(page.locator(".card .name")).to_be_focused()
    assert page.evaluate("document.fullscreenElement === document.documentElement")
    page.evaluate("document.exitFullscreen()")
    expect(page.get_by_role("button", name="Fill the screen")).to_be_visible()
