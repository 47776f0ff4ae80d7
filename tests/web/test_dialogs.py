"""A question whose deed takes long: it says so, and stands in the way of no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.stage import recording

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

RECORDING = "**/api/v1/recordings/43"

# With the next request; the one behind it has to wait for a busy machine, too.
NO_PATIENCE = """() => {
  window.limits = [];
  // As in tablets that are older.
  delete AbortSignal.timeout;
  const begin = window.setTimeout;
  window.setTimeout = (act, wait) => {
    if (wait < 20_000) return begin(act, wait);
    window.limits.push(wait);
    window.setTimeout = begin;
    return begin(act, 50);
  };
}"""


def begin_to_delete(page: Page, stage: Stage) -> Route:
    """The request, on its way to a recorder that does not answer it."""
    held: list[Route] = []
    page.route(RECORDING, lambda route: held.append(route), times=1)
    stage.actions.archive = [recording(43), recording(42)]
    page.goto("/")
    page.get_by_role("button", name="Delete recording 43").press("Enter")
    page.get_by_label("Type 43 to confirm").fill("43")
    with page.expect_request(RECORDING):
        page.keyboard.press("Enter")
    expect(page.locator("#ask-yes")).to_have_text("Working …")
    return held[0]


def test_what_is_under_way_says_so_and_is_not_done_twice(page: Page, stage: Stage) -> None:
    request = begin_to_delete(page, stage)
    yes = page.get_by_role("button", name="Working …")
    expect(yes).to_be_disabled()
    # What has the focus is what a screen reader says.
    expect(yes).to_be_focused()
    page.keyboard.press("Enter")
    with page.expect_response(RECORDING):
        request.continue_()
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.locator("#archive-note")).to_have_text("Recording 43 is deleted.")
    assert [each for each in stage.actions.calls if each.startswith("delete")] == ["delete 43"]


def test_a_deed_that_hangs_leaves_the_next_question_alone(page: Page, stage: Stage) -> None:
    request = begin_to_delete(page, stage)
    # What is on its way cannot be cancelled.
    page.get_by_role("button", name="Close").press("Enter")
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.get_by_role("button", name="Delete recording 43")).to_be_focused()
    page.get_by_role("button", name="Stop Physics").press("Enter")
    yes = page.locator("#ask-yes")
    expect(yes).to_be_enabled()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    with page.expect_response("**/stop"):
        yes.press("Enter")
    expect(page.locator("#ask")).to_be_hidden()
    page.get_by_role("button", name="Split Physics").press("Enter")
    with page.expect_response(RECORDING):
        request.continue_()
    # The list may say so, and nobody's question is answered by it.
    expect(page.locator("#archive-note")).to_have_text("Recording 43 is deleted.")
    expect(page.get_by_role("dialog", name="Split Physics?")).to_be_visible()
    expect(yes).to_be_focused()


def test_a_late_refusal_is_not_that_of_another_question(page: Page, stage: Stage) -> None:
    request = begin_to_delete(page, stage)
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_hidden()
    page.get_by_role("button", name="Split Physics").press("Enter")
    with page.expect_console_message(lambda said: "It is in use." in said.text):
        request.fulfill(status=409, json={"error": "It is in use."})
    expect(page.locator("#ask-error")).to_be_empty()
    expect(page.get_by_role("dialog", name="Split Physics?")).to_be_visible()
    expect(page.locator("#ask-yes")).to_be_focused()


def test_who_gets_no_answer_is_told_and_can_ask_again(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Split Physics").click()
    page.evaluate(NO_PATIENCE)
    page.route("**/split", lambda route: None, times=1)
    page.keyboard.press("Enter")
    expect(page.locator("#ask-error")).to_have_text(
        "The recorder has not answered for 30 s. It may still do what was asked."
    )
    assert page.evaluate("limits") == [30_000]
    page.locator("#ask-yes").press("Enter")
    expect(page.locator("#ask")).to_be_hidden()
