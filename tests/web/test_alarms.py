"""Alarms as an operator deals with them, and as a screen reader says them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from recorder.status.snapshot import Severity
from tests.status.fakes import refused
from tests.status.snapshots import alarm, picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

LIVE = "[aria-live]:not([aria-live=off]), [role=alert], [role=status], [role=log], output"


def test_an_alarm_is_acknowledged_and_the_focus_stays_near(page: Page, stage: Stage) -> None:
    first, second = alarm(id="first", text="First."), alarm(id="second", text="Second.")
    stage.show(picture(alarms=(first, second)))
    page.goto("/")
    page.get_by_role("button", name="Seen: First.").focus()
    with page.expect_response("**/first/acknowledge"):
        page.keyboard.press("Enter")
    # It steps back behind what nobody has seen.
    expect(page.locator("#alarms > li").last).to_contain_text("seen by operator")
    expect(page.get_by_role("button", name="Seen: First.")).to_be_hidden()
    expect(page.get_by_role("button", name="Seen: Second.")).to_be_focused()
    stage.show(picture(alarms=(first,)))
    expect(page.locator("#alarms > li")).to_have_count(1)
    stage.show(picture())
    expect(page.locator("#no-alarms")).to_be_visible()
    expect(page.locator("#alarms-title")).to_be_focused()


def test_of_an_alarm_from_before_the_start_nobody_says_how_long(page: Page, stage: Stage) -> None:
    stage.show(picture(alarms=(alarm(id="old", age_s=None), alarm(id="new", age_s=65.0))))
    page.goto("/")
    notes = page.locator("#alarms > li .note")
    expect(notes.nth(1)).to_contain_text("for 1 min 0")
    expect(notes.nth(0)).to_contain_text("since ")
    expect(notes.nth(0)).not_to_contain_text("for")


def test_all_that_is_shown_is_seen_at_once(page: Page, stage: Stage) -> None:
    shown = tuple(alarm(id=name, text=f"{name}.") for name in ("a", "b", "c"))
    stage.show(picture(alarms=shown))
    page.goto("/")
    all_seen = page.get_by_role("button", name="All seen")
    all_seen.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Seen: "))).to_have_count(0)
    acknowledged = [each for each in stage.actions.calls if each.startswith("acknowledge")]
    assert sorted(acknowledged) == [f"acknowledge {name} operator" for name in ("a", "b", "c")]
    expect(all_seen).to_be_hidden()
    expect(page.locator("#alarms-title")).to_be_focused()
    # One alone has a button of its own.
    stage.show(picture(alarms=(alarm(id="d"), *stage.actions.shown.alarms)))
    expect(page.locator("#alarms > li")).to_have_count(4)
    expect(all_seen).to_be_hidden()


def test_of_many_alarms_the_worst_are_shown_until_somebody_wants_all(
    page: Page, stage: Stage
) -> None:
    shown = tuple(alarm(id=f"a{number}", text=f"{number}.") for number in range(30))
    stage.show(picture(alarms=shown))
    page.goto("/")
    lines, unfold = page.locator("#alarms > li"), page.locator("#unfold")
    expect(lines).to_have_count(6)
    expect(unfold).to_have_text("Show 24 more")
    unfold.press("Enter")
    expect(lines).to_have_count(30)
    expect(unfold).to_be_focused()
    unfold.press("Enter")
    expect(lines).to_have_count(6)
    # Folded or not, they are seen.
    page.get_by_role("button", name="All seen").press("Enter")
    expect(page.get_by_role("button", name="All seen")).to_be_hidden()
    assert len([each for each in stage.actions.calls if each.startswith("acknowledge")]) == 30
    stage.show(picture(alarms=shown[:6]))
    expect(unfold).to_be_hidden()


def test_an_acknowledgement_that_is_refused_says_why(page: Page, stage: Stage) -> None:
    stage.show(picture(alarms=(alarm(),)))
    page.goto("/")
    stage.actions.refusal = refused("No such alarm stands any more.")
    page.get_by_role("button", name="Seen").click()
    expect(page.locator("#alarms > li")).to_contain_text("No such alarm stands any more.")


def test_only_alarms_are_said_aloud_and_each_once(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator(LIVE)).to_have_count(1)
    said = page.locator("#said")
    expect(said).to_have_attribute("role", "alert")
    expect(said).to_have_text("")
    for seconds in (4, 5, 6):
        told = alarm(text=f"Nothing came for {seconds} s.", severity=Severity.WARNING)
        stage.show(picture(alarms=(told,)))
        expect(page.locator("#worst")).to_have_text(told.text)
        # What counts seconds is not said again at each of them.
        expect(said).to_have_text("Nothing came for 4 s. Make room.")
    stage.show(picture(alarms=(alarm(text="Nothing came.", severity=Severity.CRITICAL),)))
    expect(said).to_have_text("Nothing came. Make room.")
    stage.show(picture())
    expect(said).to_have_text("No alarm stands any more.")


def test_of_many_that_come_at_once_the_first_are_said(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    told = tuple(alarm(id=f"{number}", text=f"Room {number}.", advice="Do.") for number in range(9))
    stage.show(picture(alarms=told))
    said = "Room 0. Do. Room 1. Do. Room 2. Do. And 6 more alarms."
    expect(page.locator("#said")).to_have_text(said)


def test_what_comes_again_is_said_again_be_it_in_the_same_words(page: Page, stage: Stage) -> None:
    again, other = alarm(id="a", text="No sound."), alarm(id="b", text="Other.")
    stage.show(picture(alarms=(again, other)))
    page.goto("/")
    said, lines = page.locator("#said"), page.locator("#alarms > li")
    stage.show(picture(alarms=(other,)))
    expect(lines).to_have_count(1)
    stage.show(picture(alarms=(again, other)))
    expect(said).to_have_text("No sound. Make room.")
    page.evaluate("() => { window.heard = said.firstChild; }")
    stage.show(picture(alarms=(other,)))
    expect(lines).to_have_count(1)
    stage.show(picture(alarms=(again, other)))
    # A screen reader says what is put there, and nothing where all is as it was.
    page.wait_for_function("said.firstChild !== heard")
    expect(said).to_have_text("No sound. Make room.")


def test_what_happened_before_is_shown_when_asked_for(page: Page, stage: Stage) -> None:
    stage.actions.past = [
        {"time": "2026-11-22T10:00:00.000Z", "event": "raised", "text": "Full."},
        {
            "time": "2026-11-22T11:00:00.000Z",
            "event": "acknowledged",
            "text": "Full.",
            "who": "ada",
        },
        {"time": "2026-11-22T12:00:00.000Z", "event": "cleared", "text": "<b>Full.</b>"},
    ]
    page.goto("/")
    page.get_by_text("What happened before").click()
    lines = page.locator("#past-alarms > li")
    expect(lines).to_have_count(3)
    expect(lines.nth(0)).to_contain_text("went<b>Full.</b>")
    expect(lines.nth(1)).to_contain_text("seen by ada")
    expect(lines.nth(2)).to_contain_text("came")
    # It goes on while it is open, and is asked for when something has happened.
    asked = stage.actions.calls.count("alarms")
    stage.actions.past.append(
        {"time": "2026-11-22T13:00:00.000Z", "event": "raised", "text": "No sound."}
    )
    stage.show(picture(alarms=(alarm(id="a", text="No sound."),)))
    expect(lines).to_have_count(4)
    expect(lines.nth(0)).to_contain_text("cameNo sound.")
    # Not at each tick, by which the same alarm only grows older.
    stage.show(picture(alarms=(alarm(id="a", text="No sound, still."),)))
    expect(page.locator("#alarms > li")).to_contain_text("still")
    assert stage.actions.calls.count("alarms") == asked + 1


def test_the_banner_leads_to_the_other_alarms(page: Page, stage: Stage) -> None:
    stage.show(picture(alarms=(alarm(id="a"), alarm(id="b"))))
    page.goto("/")
    page.get_by_role("link", name="and 1 more alarm").click()
    expect(page.locator("#alarms-title")).to_be_focused()
    expect(page.locator("#alarms > li").last).to_be_in_viewport()
