"""Who may look, and who may act, as the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from tests.status.snapshots import picture, room
from tests.web.stage import PASSWORD, recording

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

with_password = pytest.mark.parametrize("stage", [{"password": True}], indirect=True)
public = pytest.mark.parametrize("stage", [{"password": True, "public": True}], indirect=True)

NOTE_WAITS = """() => {
  window.waits = [];
  const begin = window.setTimeout;
  window.setTimeout = (act, wait) => {
    if (act.name === "session") {
      window.waits.push(wait);
      document.documentElement.dataset.waits = window.waits.length;
    }
    return begin(act, wait);
  };
}"""


def log_in(page: Page, password: str) -> None:
    with page.expect_response("**/api/v1/login"):
        page.get_by_label("Password").fill(password)
        page.keyboard.press("Enter")


@with_password
def test_nothing_is_seen_before_the_password(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(42)]
    page.goto("/")
    expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")
    expect(page.locator("main")).to_be_hidden()
    page.get_by_role("button", name="Log in").click()
    log_in(page, "wrong")
    expect(page.locator("#ask-error")).to_have_text("The password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    log_in(page, PASSWORD)
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator(".card.recording")).to_be_visible()
    expect(page.locator("#recordings > li")).to_have_count(1)
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    page.reload()
    expect(page.locator("#link")).to_have_text("live")
    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()
    expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")
    expect(page.locator(".card")).to_have_count(0)


@with_password
def test_a_logout_that_fails_says_why_until_it_is_tried_again(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    answer = {"error": "Too many logins at once; wait a moment."}
    page.route("**/logout", lambda route: route.fulfill(status=429, json=answer), times=1)
    button, reason = page.get_by_role("button", name="Log out"), page.locator("#session-error")
    button.click()
    expect(reason).to_have_text(answer["error"])
    expect(reason).to_be_focused()
    stage.show(picture(rooms=()))
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#link")).to_have_text("live")
    expect(reason).to_have_text(answer["error"])
    with page.expect_navigation():
        button.click()
    expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")


@public
def test_a_reader_sees_the_rooms_and_can_do_nothing(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator(".card.recording")).to_be_visible()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.locator("#archive")).to_be_hidden()
    expect(page.locator(".actions button:visible")).to_have_count(0)
    assert not [each for each in stage.actions.calls if each.startswith("recordings")]
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    expect(page.locator("#archive")).to_be_visible()
    expect(page.get_by_role("button", name="Stop Physics")).to_be_visible()


def turned_away(page: Page, stage: Stage) -> list[Any]:
    """A page whose login has run out; the cookies that it had."""
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    expect(page.locator("#link")).to_have_text("live")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.evaluate(NOTE_WAITS)
    stage.hang_up()
    stage.come_back()
    page.clock.fast_forward(5000)
    expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")
    expect(page.locator("#link")).to_have_text("not logged in")
    return cookies


@with_password
def test_a_login_that_has_run_out_asks_again(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    turned_away(page, stage)
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    expect(page.locator("#link")).to_have_text("live")


@with_password
def test_a_login_that_has_run_out_is_noticed_where_it_is_used(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    page.get_by_role("button", name="Stop Physics").click()
    # The line that it opened goes on.
    page.context.clear_cookies()
    page.locator("#ask-yes").click()
    expect(page.locator("#ask-error")).to_have_text("Log in first.")
    page.locator("#ask-no").click()
    expect(page.locator("#worst")).to_have_text("Log in to see the rooms.")
    expect(page.locator(".actions button:visible")).to_have_count(0)
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    expect(page.get_by_role("button", name="Stop Physics")).to_be_visible()


@public
def test_who_comes_back_is_shown_a_new_list_and_not_told_that_it_is_old(
    page: Page, stage: Stage
) -> None:
    stage.actions.archive = [recording(2), recording(1)]
    stage.actions.page = 1
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    log_in(page, PASSWORD)
    expect(page.get_by_role("button", name="More")).to_be_visible()
    lesson = room()
    assert lesson.recording is not None
    stage.show(picture(rooms=(replace(lesson, recording=replace(lesson.recording, number=43)),)))
    old = page.locator("#archive-old")
    expect(old).to_be_visible()
    # In another window, say.
    page.context.clear_cookies()
    page.get_by_role("button", name="Keep recording 2").click()
    expect(page.locator("#archive")).to_be_hidden()
    page.get_by_role("button", name="Log in").click()
    with page.expect_response("**/api/v1/recordings?*"):
        log_in(page, PASSWORD)
    expect(page.locator("#recordings > li")).to_have_count(1)
    expect(old).to_be_hidden()


@with_password
def test_a_display_that_was_turned_away_comes_back_by_itself(
    clocked_page: Page, stage: Stage
) -> None:
    page = clocked_page
    cookies = turned_away(page, stage)
    for _ in range(4):
        with page.expect_response("**/api/v1/session"):
            page.clock.fast_forward(91_000)
    expect(page.locator("html")).to_have_attribute("data-waits", "5")
    waits = page.evaluate("waits")
    # Once a minute, and a hundred displays not all at once.
    assert all(30_000 <= wait <= 90_000 for wait in waits)
    assert len(set(waits)) > 1
    page.context.add_cookies(cookies)
    page.clock.fast_forward(91_000)
    expect(page.locator("#link")).to_have_text("live")


@with_password
def test_who_was_turned_away_and_looks_again_is_asked_for_at_once(
    clocked_page: Page, stage: Stage
) -> None:
    page = clocked_page
    page.context.add_cookies(turned_away(page, stage))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#link")).to_have_text("live")


def test_who_is_one_too_many_is_told_so_and_tries_again(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    stage.actions.watchable = False
    page.goto("/")
    told = "The recorder answers, and lets this page not watch."
    expect(page.locator("#worst")).to_have_text(told)
    expect(page.locator("#advice")).to_contain_text("raise limits.clients; a proxy must pass")
    stage.actions.watchable = True
    page.clock.fast_forward(16_000)
    expect(page.locator("#banner")).to_have_class("banner good")


def test_a_recorder_that_is_closed_says_what_opens_it(page: Page, stage: Stage) -> None:
    page.set_extra_http_headers({"X-Forwarded-For": "192.0.2.1"})
    page.goto("/")
    expect(page.locator("#worst")).to_have_text("Nothing can be seen from here.")
    expect(page.locator("#advice")).to_contain_text("Give the recorder a password")
    page.set_extra_http_headers({})
