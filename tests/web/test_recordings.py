"""The list of recordings: found by room and day, kept, deleted, fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from tests.status.snapshots import picture, room
from tests.web.stage import recording

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian


def lists(stage: Stage) -> list[str]:
    """What the page has asked the list for."""
    return [each for each in stage.actions.calls if each.startswith("recordings")]


def search(page: Page) -> None:
    with page.expect_response("**/api/v1/recordings?*"):
        page.get_by_role("button", name="Show", exact=True).click()


def test_each_says_what_it_is(page: Page, stage: Stage) -> None:
    stage.actions.archive = [
        recording(45, gaps=2),
        recording(44, end=None, end_reason=None),
        recording(43, kept=True, deleting=True),
        # As the recorder lists it.
        recording(42, damaged=True, end=None, segments=[], media_s=0.0, bytes=0),
    ]
    page.goto("/")
    lines = page.locator("#recordings > li")
    expect(lines).to_have_count(4)
    expect(page.locator("#archive-note")).to_contain_text("4 recordings, as of")
    expect(lines.last).to_contain_text("Physics")
    texts = lines.all_inner_texts()
    for text, words in zip(
        texts, (["2 gaps", "1.6 GiB", "1 h 30 min"], ["not over"], ["kept", "being deleted"],
                ["damaged", "how long it is nobody can tell"]), strict=True,
    ):  # fmt: skip
        assert "Physics" in text
        for word in words:
            assert word in text
    assert "0 B" not in texts[3]
    expect(lines.nth(0).get_by_role("button", name="Delete recording 45")).to_be_visible()
    # What goes on cannot be deleted; what is damaged may have no end, and can.
    expect(lines.nth(1).get_by_role("button")).to_have_count(1)
    expect(lines.nth(3).get_by_role("button", name="Delete recording 42")).to_be_visible()


REPAIRED = "cut off while it was written, and made whole; its last seconds may be missing"
SUSPECT = "the disk failed while it was written; what is in it may not be what was sent"
DELETED = "by the rules for what is kept; the length counts it still"
UNTRUSTED = "the clock was not known to be right when it began; its day and time may be wrong"


def test_each_says_what_is_doubtful_and_why(page: Page, stage: Stage) -> None:
    gone = {"file": "0001.flv", "bytes": 5, "deleted": True}
    stage.actions.archive = [
        recording(45, repaired=1, clock="untrusted"),
        recording(44, repaired=2, suspect=1, segments=[gone, gone | {"deleted": False}]),
        recording(43),
        # Of its clock nobody knows.
        recording(42, damaged=True, clock="untrusted", segments=[]),
    ]
    page.goto("/")
    lines = page.locator("#recordings > li")
    expect(lines).to_have_count(4)
    told: tuple[dict[str, str], ...] = (
        {"1 file repaired": REPAIRED, "clock untrusted": UNTRUSTED},
        {"2 files repaired": REPAIRED, "1 file suspect": SUSPECT, "1 file deleted": DELETED},
        {},
    )
    for line, marks in zip(lines.all(), told, strict=False):
        badges = line.locator(".badge")
        # Who listens hears why, and a pointer is shown it.
        expect(badges).to_have_text([f"{word}: {why}" for word, why in marks.items()])
        assert [each.get_attribute("title") for each in badges.all()] == list(marks.values())
    expect(lines.last.locator(".badge")).to_have_text(["damaged"])


def test_a_lesson_that_goes_on_is_not_called_empty(page: Page, stage: Stage) -> None:
    """The list knows closed files alone: of ten minutes of a lesson that is nothing yet."""
    going_on = {"end": None, "end_reason": None}
    stage.actions.archive = [
        recording(45, **going_on, segments=[], media_s=0.0, bytes=0),
        recording(44, **going_on, media_s=600.0),
    ]
    page.goto("/")
    first, second = (page.locator("#recordings .when").nth(at) for at in range(2))
    expect(first).to_contain_text("its first file is being written")
    expect(first).not_to_contain_text("0 s")
    expect(second).to_contain_text("10 min 00 s")
    expect(second).to_contain_text("so far, in closed files")


def test_they_are_found_by_room_and_by_the_day_on_the_wall(page: Page, stage: Stage) -> None:
    rooms = (room("room101"), room("hall", title="The <hall>"))
    stage.show(picture(rooms=rooms))
    stage.actions.archive = [
        recording(3, room="hall", start="2026-11-23T10:00:00.000Z"),
        # In Berlin this is the 23rd already.
        recording(2, start="2026-11-22T23:30:00.000Z"),
        recording(1, start="2026-11-22T10:00:00.000Z"),
    ]
    page.goto("/")
    numbers = page.locator("#recordings .what .note")
    expect(numbers).to_have_count(3)
    page.get_by_label("From").fill("2026-11-23")
    page.get_by_label("To", exact=True).fill("2026-11-23")
    search(page)
    expect(numbers).to_have_text([" no. 3", " no. 2"])
    # A person asked for it, and is told.
    expect(page.locator("#archive-note")).to_be_focused()
    page.locator("#search-room").select_option("The <hall>")
    search(page)
    expect(numbers).to_have_text([" no. 3"])
    page.get_by_label("From").fill("2026-11-24")
    page.get_by_label("To", exact=True).fill("")
    search(page)
    expect(page.locator("#archive-note")).to_contain_text("No recordings, as of")


def test_a_room_that_is_configured_no_more_can_be_searched_for(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(2), recording(1, room="cellar")]
    page.goto("/")
    numbers = page.locator("#recordings .what .note")
    expect(numbers).to_have_count(2)
    offered = page.locator("#search-room")
    # The rooms and their titles come with the first picture, which may be behind the list.
    expect(offered.locator("option")).to_have_text(["all rooms", "Physics", "hall", "cellar"])
    offered.select_option("cellar")
    search(page)
    expect(numbers).to_have_text([" no. 1"])
    # It stays chosen when rooms come and go.
    stage.show(picture(rooms=(room("room101"), room("attic", title=None))))
    expect(offered.locator("option")).to_have_text(["all rooms", "Physics", "attic", "cellar"])
    expect(offered).to_have_value("cellar")


def test_more_of_them_come_page_by_page(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(number) for number in range(5, 0, -1)]
    stage.actions.page = 2
    page.goto("/")
    lines, more = page.locator("#recordings > li"), page.get_by_role("button", name="More")
    expect(lines).to_have_count(2)
    expect(page.locator("#archive-note")).to_contain_text("2 recordings so far")
    more.press("Enter")
    expect(lines).to_have_count(4)
    expect(more).to_be_focused()
    more.press("Enter")
    expect(lines).to_have_count(5)
    expect(more).to_be_hidden()
    expect(page.get_by_role("button", name="Keep recording 1", exact=True)).to_be_focused()


def ask_for_more(page: Page, stage: Stage) -> Route:
    """The request for the second page of two, on its way."""
    stage.actions.archive = [recording(number) for number in range(4, 0, -1)]
    stage.actions.page = 2
    page.goto("/")
    more = page.get_by_role("button", name="More")
    expect(more).to_be_visible()
    held: list[Route] = []
    page.route("**/api/v1/recordings?*", lambda route: held.append(route), times=1)
    with page.expect_request("**/api/v1/recordings?*"):
        more.press("Enter")
    expect(more).to_be_disabled()
    expect(more).to_be_focused()
    return held[0]


def test_more_that_is_pressed_twice_comes_once(page: Page, stage: Stage) -> None:
    request = ask_for_more(page, stage)
    page.keyboard.press("Enter")
    request.continue_()
    expect(page.locator("#recordings .what .note")).to_have_text(
        [" no. 4", " no. 3", " no. 2", " no. 1"]
    )
    assert len(lists(stage)) == 2


def test_more_of_a_list_that_is_shown_no_more_is_not_added(page: Page, stage: Stage) -> None:
    request = ask_for_more(page, stage)
    search(page)
    expect(page.get_by_role("button", name="More")).to_be_enabled()
    with page.expect_response("**/api/v1/recordings?*"):
        request.continue_()
    # Its answer came after that one.
    page.get_by_role("button", name="Keep recording 3").click()
    expect(page.locator("#recordings .badge")).to_have_text("kept")
    expect(page.locator("#recordings .what .note")).to_have_text([" no. 4", " no. 3"])


def test_more_goes_on_with_the_list_that_is_shown(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(5), recording(4), recording(3), recording(2, room="hall")]
    stage.actions.page = 2
    page.goto("/")
    numbers, more = page.locator("#recordings .what .note"), page.get_by_role("button", name="More")
    expect(numbers).to_have_text([" no. 5", " no. 4"])
    # For a search that nobody has begun.
    page.locator("#search-room").select_option("hall")
    page.get_by_label("From").fill("2026-11-24")
    more.click()
    expect(numbers).to_have_text([" no. 5", " no. 4", " no. 3", " no. 2"])
    page.get_by_label("From").fill("")
    search(page)
    expect(numbers).to_have_text([" no. 2"])


def test_days_of_others_are_leafed_over(page: Page, stage: Stage) -> None:
    late = [recording(number, start="2026-11-23T23:30:00.000Z") for number in range(9, 1, -1)]
    stage.actions.archive = [*late, recording(1, start="2026-11-23T10:00:00.000Z")]
    stage.actions.page = 3
    page.goto("/")
    page.get_by_label("To", exact=True).fill("2026-11-23")
    search(page)
    expect(page.locator("#recordings .what .note")).to_have_text([" no. 1"])


def test_one_is_kept_and_let_go(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(42)]
    page.goto("/")
    line = page.locator("#recordings > li")
    line.get_by_role("button", name="Keep recording 42").press("Enter")
    expect(line.locator(".badge")).to_have_text("kept")
    let_go = line.get_by_role("button", name="Let go recording 42")
    expect(let_go).to_be_focused()
    let_go.press("Enter")
    expect(line.locator(".badge")).to_have_count(0)
    assert [each for each in stage.actions.calls if "keep" in each] == [
        "keep 42 operator ",
        "unkeep 42",
    ]
    stage.actions.archive.clear()
    line.get_by_role("button", name="Keep recording 42").press("Enter")
    expect(page.locator("#archive-note")).to_have_text("There is no recording 42.")
    expect(page.locator("#archive-note")).to_be_focused()


def test_one_is_deleted_only_by_typing_its_number(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(43), recording(42)]
    page.goto("/")
    opener = page.get_by_role("button", name="Delete recording 43")
    opener.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete recording 43?")
    expect(dialog).to_contain_text("It cannot be brought back.")
    field = dialog.get_by_label("Type 43 to confirm")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    for wrong in ("", "42"):
        field.fill(wrong)
        field.press("Enter")
        expect(page.locator("#ask-error")).to_have_text("Type 43 to confirm.")
    assert not [each for each in stage.actions.calls if each.startswith("delete")]
    field.fill("43")
    with page.expect_response("**/api/v1/recordings/43"):
        field.press("Enter")
    expect(page.locator("#recordings > li")).to_have_count(1)
    expect(page.locator("#archive-note")).to_have_text("Recording 43 is deleted.")
    expect(page.get_by_role("button", name="Keep recording 42")).to_be_focused()
    assert [each for each in stage.actions.calls if each.startswith("delete")] == ["delete 43"]


def test_a_file_is_fetched(page: Page, stage: Stage) -> None:
    gone = {"file": "0001.flv", "bytes": 5, "deleted": True}
    there = {"file": "0002.flv", "bytes": 800_000_000, "deleted": False}
    stage.actions.archive = [recording(42, segments=[gone, there])]
    page.goto("/")
    download_it = page.get_by_text("Download it")
    # What is hidden takes no key, and nobody says so.
    expect(download_it).to_be_visible()
    download_it.press("Enter")
    expect(page.locator("details a:visible")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="0002.flv, 762.9 MiB").click()
    path = "room101/2026-11-22/0000042-103000Z"
    assert download.value.path().read_bytes() == b"FLV"
    assert f"download {path} 0002.flv" in stage.actions.calls


def test_it_says_when_the_list_is_old_and_asks_for_no_new_one(page: Page, stage: Stage) -> None:
    stage.actions.archive = [recording(42)]
    page.goto("/")
    old = page.locator("#archive-old")
    expect(page.locator("#recordings > li")).to_have_count(1)
    expect(page.get_by_text("42, 10 min 00 s long")).to_be_visible()
    expect(old).to_be_hidden()
    shown = room()
    assert shown.recording is not None
    stage.show(picture(rooms=(replace(shown, recording=replace(shown.recording, number=43)),)))
    expect(old).to_be_visible()
    assert len(lists(stage)) == 1
    search(page)
    expect(old).to_be_hidden()
    assert len(lists(stage)) == 2
