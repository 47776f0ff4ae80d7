"""When nothing is heard, and when it is again: the page never looks fresh when it is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.status.snapshots import picture, room, system, video
from tests.web.houses import house, rates
from tests.web.test_states import figure

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

NOTE_WAITS = """
  window.waits = [];
  const begin = window.setTimeout;
  window.setTimeout = (act, wait) => {
    if (act.name === "open") {
      window.waits.push(wait);
      document.documentElement.dataset.waits = window.waits.length;
    }
    return begin(act, wait);
  };
"""


def test_three_missed_ticks_turn_everything_grey_whatever_the_connection_says(
    clocked_page: Page, stage: Stage
) -> None:
    page = clocked_page
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    green = page.locator(".card.recording .word").evaluate("it => getComputedStyle(it).color")
    stage.fall_silent()
    page.clock.fast_forward(4000)
    expect(page.locator("body")).to_have_class("stale")
    expect(page.locator("#banner")).to_have_class("banner grey")
    expect(page.locator("#link")).to_have_text(re.compile(r"no news for \d+ s"))
    expect(page).to_have_title("? Recorder")
    expect(page.locator("#said")).to_contain_text("No news from the recorder")
    grey = page.locator(".card.recording .word").evaluate("it => getComputedStyle(it).color")
    assert grey != green


# As a browser has it where nobody looks: the page's own timers wait for minutes.
UNSEEN = """() => {
  Object.defineProperty(document, "hidden", { get: () => true });
  for (let timer = setTimeout(() => {}); timer > 0; timer -= 1) clearTimeout(timer);
}"""


def test_the_title_of_a_tab_that_nobody_looks_at_is_as_true(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page).to_have_title("● 1 recording · Recorder")
    page.evaluate(UNSEEN)
    stage.fall_silent()
    expect(page).to_have_title("? Recorder")


def test_a_page_that_cannot_show_what_comes_says_so(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#banner")).to_have_class("banner good")
    # As of a recorder that says another thing than this page was written for.
    stage.show(picture(rooms=(room(video=video(frame_rate="fast")),)))
    expect(page.locator("#banner")).to_have_class("banner grey")
    expect(page.locator("#worst")).to_have_text("This page fails, and what you see may be wrong.")
    expect(page.locator("body")).to_have_class("stale")
    expect(page).to_have_title("? Recorder")
    stage.show(picture())
    expect(page.locator("#banner")).to_have_class("banner good")
    expect(page.locator("body")).not_to_have_class("stale")


def test_what_is_old_is_grey_to_the_last_sign(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    stage.show(house(8))
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    colours = "all => all.map((it) => getComputedStyle(it).getPropertyValue('--tone'))"
    signs = page.locator(
        ".card:visible, .card .mark:visible, .troubles li, .facts .warning, .badge"
    )
    assert len(set(signs.evaluate_all(colours))) == 5
    stage.fall_silent()
    page.clock.fast_forward(4000)
    expect(page.locator("body")).to_have_class("stale")
    assert len(set(signs.evaluate_all(colours))) == 1


def test_pictures_that_were_held_up_on_their_way_are_old_when_they_come(
    clocked_page: Page, stage: Stage
) -> None:
    page = clocked_page
    page.goto("/")
    link, title = page.locator("#link"), page.locator(".card.recording .name")
    expect(link).to_have_text("live")

    def see(name: str, seconds: int) -> None:
        """A picture comes so much later by the page's clock than the recorder has made it."""
        page.clock.fast_forward(1000 * seconds)
        stage.show(picture(rooms=(room(title=name),)))
        expect(title).to_have_text(name)

    see("first", 4)
    expect(page.locator("body")).to_have_class("stale")
    expect(link).to_have_text(re.compile("^no news for [3-6] s$"))
    expect(figure(page.locator(".card"), "last media")).to_have_text(re.compile("^[3-7] s ago$"))
    # After five seconds of that it takes another line, on which nothing is under way yet.
    see("second", 2)
    with page.expect_event("websocket"):
        see("third", 4)
        page.clock.fast_forward(1000)
    expect(link).to_have_text("live")
    expect(page.locator("body")).not_to_have_class("stale")


def test_a_recorder_that_is_gone_and_comes_back(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    stage.hang_up()
    page.clock.fast_forward(4000)
    expect(page.locator("body")).to_have_class("stale")
    stage.come_back()
    page.clock.fast_forward(16_000)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("body")).not_to_have_class("stale")
    expect(page.locator("#banner")).to_have_class("banner good")
    expect(page.locator("#said")).to_have_text("The recorder answers again.")


# In sleep the wall's clock alone goes on. All in one go: the page's own second has no part in it.
WAKE = """([event, hours]) => {
  const now = Date.now;
  Date.now = () => now.call(Date) + hours * 3_600_000;
  (event === "pageshow" ? window : document).dispatchEvent(new Event(event));
  return [document.getElementById("link").textContent, document.body.className];
}"""


@pytest.mark.parametrize("event", ["visibilitychange", "pageshow"])
def test_a_page_that_wakes_shows_at_once_how_old_it_is(
    page: Page, stage: Stage, event: str
) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    assert page.evaluate(WAKE, [event, 1]) == ["no news for 1 h 00 min", "stale"]
    # The next picture is a fresh one.
    expect(page.locator("#link")).to_have_text("live")


def test_a_clock_that_is_set_back_makes_nothing_old(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    assert page.evaluate(WAKE, ["pageshow", -1]) == ["live", ""]
    stage.fall_silent()
    # Nor does it keep anything young.
    expect(page.locator("#link")).to_have_text(re.compile(r"no news for \d s"))


def test_what_a_chart_knew_before_it_slept_is_not_of_the_last_minutes(
    page: Page, stage: Stage
) -> None:
    stage.actions.rates = rates()
    page.goto("/")
    line = page.locator(".card.recording .chart .line")
    expect(line).to_have_attribute("d", re.compile(r"^M\d\.\d,"))
    stage.actions.rates = []
    page.evaluate(WAKE, ["pageshow", 1])
    expect(line).to_have_attribute("d", re.compile(r"^M29\d\.\d,"))
    assert stage.actions.calls.count("history room101") == 2


def test_what_is_older_than_a_chart_is_not_drawn_beside_it(
    clocked_page: Page, stage: Stage
) -> None:
    page = clocked_page
    stage.actions.rates = rates()
    page.goto("/")
    line = page.locator(".card.recording .chart .line")
    expect(line).to_have_attribute("d", re.compile(r"^M\d\.\d,"))
    stage.fall_silent()
    for _ in range(3):
        page.clock.fast_forward(60_000)
        expect(line).to_have_attribute("d", re.compile(r"^M\d\.\d,"))


def test_pages_come_back_with_jitter_and_ever_more_slowly(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    page.add_init_script(NOTE_WAITS)
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    stage.hang_up()
    for tries in range(1, 9):
        expect(page.locator("html")).to_have_attribute("data-waits", str(tries))
        page.clock.fast_forward(25_000)
    waits = page.evaluate("waits")[:8]
    steps = [min(500 * 2**step, 15_000) for step in range(8)]
    shares = [wait / step for wait, step in zip(waits, steps, strict=True)]
    assert all(0.5 <= share <= 1.5 for share in shares)
    assert len({round(share, 3) for share in shares}) > 4


def test_a_line_that_says_nothing_from_the_start_is_given_up(
    clocked_page: Page, stage: Stage
) -> None:
    page = clocked_page
    stage.fall_silent()
    with page.expect_websocket():
        page.goto("/")
    expect(page.locator("#worst")).to_have_text("Waiting for the recorder …")
    with page.expect_websocket():
        page.clock.fast_forward(11_000)
        page.clock.fast_forward(2_000)


def test_a_silent_line_is_given_up(clocked_page: Page, stage: Stage) -> None:
    page = clocked_page
    sockets: list[object] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    stage.fall_silent()
    with page.expect_websocket():
        page.clock.fast_forward(11_000)
        page.clock.fast_forward(2_000)
    assert len(sockets) == 2


def test_another_version_of_the_recorder_brings_its_own_page(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    with page.expect_navigation():
        stage.show(picture(system=system(version="1.1")))
    expect(page.locator("#machine")).to_contain_text("1.1")


def test_it_does_so_too_when_somebody_was_being_asked_something(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Split Physics").click()
    stage.show(picture(system=system(version="1.1")))
    expect(page.locator("#machine")).to_contain_text("1.1")
    expect(page.get_by_role("dialog", name="Split Physics?")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("Escape")
    expect(page.locator("#machine")).to_contain_text("1.1")
