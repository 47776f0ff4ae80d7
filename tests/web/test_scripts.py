"""Titles of scripts that run from right to left, in sentences that run from left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from recorder.status.room_views import RoomState
from tests.status.fakes import refused
from tests.status.snapshots import alarm, picture, room
from tests.web.stage import recording

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

TITLE = "אולם (204)"
HALL = "אולם"
SENTENCE = f"{TITLE}: 31 s without sound."

# Where each of the words begins, as it is drawn.
LEFTS = """(element, words) => words.map((word) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.data.indexOf(word);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + word.length);
    return range.getBoundingClientRect().left;
  }
  throw new Error(`There is no ${word}.`);
})"""


def order(element: Locator, *words: str) -> list[str]:
    """The words as they stand from left to right."""
    found: list[float] = element.evaluate(LEFTS, list(words))
    return [word for _, word in sorted(zip(found, words, strict=True))]


def show_hall(page: Page, stage: Stage) -> None:
    """A room with such a title, in need."""
    longer = room(
        "longer", title=f"{HALL} (2", state=RoomState.IDLE, publisher=None, recording=None
    )
    shown = room(title=TITLE, state=RoomState.FAULT, reason=SENTENCE)
    told = alarm(room=shown.name, text=SENTENCE, advice=SENTENCE)
    stage.show(picture(rooms=(longer, shown), alarms=(told,)))
    stage.actions.archive = [recording(42)]
    stage.actions.past = [{"time": "2026-11-22T10:00:00Z", "event": "raised", "text": SENTENCE}]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/")


def test_a_sentence_with_such_a_title_runs_on_behind_it(page: Page, stage: Stage) -> None:
    show_hall(page, stage)
    page.get_by_text("What happened before").click()
    for place in ("#worst", "#advice", ".reason", ".troubles li", "#alarms .what",
                  "#alarms .what + p", "#past-alarms .text"):  # fmt: skip
        told = page.locator(place).filter(visible=True)
        expect(told).to_have_text(SENTENCE)
        assert order(told, HALL, "31", "s w") == [HALL, "31", "s w"], place
        # And within it the number stands to the left, as its readers have it.
        assert order(told, HALL, "204") == ["204", HALL], place


def test_so_does_a_question(page: Page, stage: Stage) -> None:
    show_hall(page, stage)
    page.get_by_role("button", name="Delete recording 42").click()
    asked = page.locator("#ask-text")
    expect(asked).to_contain_text(f"{TITLE}, 22 Nov 2026")
    assert order(asked, HALL, "22", "Nov") == [HALL, "22", "Nov"]
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Split {TITLE}").click()
    assert order(page.locator("#ask-title"), "Split", HALL, "?") == ["Split", HALL, "?"]
    stage.actions.refusal = refused(SENTENCE)
    page.locator("#ask-yes").click()
    expect(page.locator("#ask-error")).to_have_text(SENTENCE)
    assert order(page.locator("#ask-error"), HALL, "31", "s w") == [HALL, "31", "s w"]


def test_a_title_by_itself_runs_its_own_way(page: Page, stage: Stage) -> None:
    show_hall(page, stage)
    for place in (".card.fault .name", "#recordings b", "#search-room option:nth-child(3)"):
        found = page.locator(place)
        expect(found).to_have_text(TITLE)
        assert found.evaluate("it => getComputedStyle(it).direction") == "rtl", place
    expect(page.locator("#search-room option").first).to_have_text("all rooms")


def test_a_title_that_is_new_is_known_at_once(page: Page, stage: Stage) -> None:
    other = "קומה 2"
    show_hall(page, stage)
    expect(page.locator("#worst")).to_have_text(SENTENCE)
    text = f"{other}: 31 s without sound."
    told = alarm(id="b", room="room101", text=text)
    stage.show(picture(rooms=(room(title=other),), alarms=(told,)))
    expect(page.locator("#worst")).to_have_text(text)
    assert order(page.locator("#worst"), "קומה", "31", "s w") == ["קומה", "31", "s w"]
