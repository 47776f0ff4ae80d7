"""Split, stop and start: asked first, done once, and what is refused is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from recorder.status.room_views import RoomState
from tests.status.fakes import refused
from tests.status.snapshots import alarm, idle, picture, room

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian


def acts(stage: Stage) -> list[str]:
    """What the page had done."""
    words = ("split", "stop", "start")
    return [each for each in stage.actions.calls if each.startswith(words)]


def test_a_room_offers_what_its_state_allows(page: Page, stage: Stage) -> None:
    offered = {
        RoomState.RECORDING: ["Split", "Stop"],
        RoomState.STALLED: ["Split", "Stop"],
        RoomState.FAULT: ["Split", "Stop"],
        RoomState.STARTING: ["Stop"],
        RoomState.WAITING: ["Stop"],
        RoomState.STOPPED: ["Start"],
        RoomState.IDLE: [],
    }
    stage.show(picture(rooms=tuple(room(state, state=state) for state in RoomState)))
    page.goto("/")
    expect(page.locator(".card")).to_have_count(len(RoomState))
    for state in RoomState:
        buttons = page.locator(f".card.{state} .actions button:visible")
        assert buttons.all_inner_texts() == offered[state]


@pytest.mark.parametrize(("waits_s", "offered"), [(None, []), (40.0, ["Stop"])])
def test_a_lesson_that_is_over_and_waits_for_the_disk_offers_what_can_be_done(
    page: Page, stage: Stage, waits_s: float | None, offered: list[str]
) -> None:
    over = room(state=RoomState.FAULT, reason="No disk.", publisher=None, waits_s=waits_s)
    stage.show(picture(rooms=(over,)))
    page.goto("/")
    expect(page.locator(".card.fault .word")).to_be_visible()
    buttons = page.locator(".card .actions button:visible")
    assert buttons.all_inner_texts() == offered


def test_what_an_operator_does_is_confirmed_first(page: Page, stage: Stage) -> None:
    stopped = room("hall", title="Hall", state=RoomState.STOPPED)
    stage.show(picture(rooms=(room(), stopped)))
    page.goto("/")
    for button, title, leave in (
        ("Split", "Physics", "Escape"),
        ("Stop", "Physics", "Cancel"),
        ("Start", "Hall", "Escape"),
    ):
        stage.actions.calls.clear()
        opener = page.get_by_role("button", name=f"{button} {title}")
        dialog = page.get_by_role("dialog", name=f"{button} {title}?")
        opener.click()
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape") if leave == "Escape" else page.locator("#ask-no").click()
        expect(dialog).to_be_hidden()
        expect(opener).to_be_focused()
        assert acts(stage) == []
        opener.click()
        with page.expect_response(f"**/{button.lower()}"):
            dialog.get_by_role("button", name=button).click()
        expect(dialog).to_be_hidden()
        name = "hall" if title == "Hall" else "room101"
        assert acts(stage) == [f"{button.lower()} {name} operator"]


def test_a_refusal_stays_in_the_dialog(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Split Physics").click()
    stage.actions.refusal = refused("Physics: nothing is being recorded that could be split.")
    page.locator("#ask-yes").click()
    expect(page.locator("#ask-error")).to_have_text(
        "Physics: nothing is being recorded that could be split."
    )
    # Read by a screen reader because it is there now.
    expect(page.locator("#ask-error")).to_be_focused()
    stage.hang_up()
    page.locator("#ask-yes").click()
    expect(page.locator("#ask-error")).to_contain_text("The recorder does not answer.")


def test_the_focus_moves_on_when_its_button_goes(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_role("button", name="Stop Physics").click()
    page.keyboard.press("Enter")
    expect(page.locator("#ask")).to_be_hidden()
    stage.show(picture(rooms=(room(state=RoomState.STOPPED),)))
    expect(page.get_by_role("button", name="Start Physics")).to_be_focused()
    stage.show(picture(rooms=(idle("room101"),)))
    expect(page.locator(".card .name")).to_be_focused()


def test_the_focus_stays_while_rooms_change_places(page: Page, stage: Stage) -> None:
    names = [f"room{number}" for number in range(5)]
    stage.show(picture(rooms=tuple(room(name, title=name) for name in names)))
    page.goto("/")
    held = page.get_by_role("button", name="Split room2")
    held.focus()
    for worst in ("room4", "room2", "room0"):
        rooms = tuple(
            room(name, title=name, state=RoomState.FAULT if name == worst else RoomState.RECORDING)
            for name in names
        )
        stage.show(picture(rooms=rooms))
        expect(page.locator(".card .name").first).to_have_text(worst)
        expect(held).to_be_focused()
        rest = [name for name in names if name != worst]
        assert page.locator(".card .name").all_inner_texts() == [worst, *rest]


def test_a_rooms_alarm_stands_on_its_card(page: Page, stage: Stage) -> None:
    told = alarm(room="room101", text="Physics: no sound for 31 s.")
    stage.show(picture(alarms=(told,)))
    page.goto("/")
    card = page.locator(".card.recording")
    expect(card.locator(".mark")).to_have_text("1 alarm")
    expect(card.locator(".troubles")).to_have_text("Physics: no sound for 31 s.")
    expect(page.locator(".card.idle .mark")).to_be_hidden()
