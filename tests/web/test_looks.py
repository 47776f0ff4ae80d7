"""How it looks: pictures for a person to look at, and what a machine can say of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from recorder.status.house_views import DiskState, HooksView, WearView
from recorder.status.room_views import PublisherView
from tests.status.snapshots import config, picture, room, storage, system
from tests.web.houses import FOREIGN, house, rates
from tests.web.stage import recording

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

KEPT: Final = Path(__file__).resolve().parents[2] / "test-output/page"
"""Git does not see it; the pictures of the last run stay there to be looked at."""

SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (320, 768, 1440)
WIDER: Final = "document.documentElement.scrollWidth - innerWidth"


def show(page: Page, stage: Stage, rooms: int, titles: tuple[str, ...] = ()) -> None:
    stage.actions.rates = rates()
    stage.actions.archive = [
        recording(45, room="room102", gaps=1, repaired=2, suspect=1, clock="untrusted"),
        recording(44, end=None, end_reason=None, segments=[]),
        recording(43, room="room103", kept=True),
        recording(42, damaged=True, segments=[]),
    ]
    stage.show(house(rooms, titles))
    page.goto("/")
    expect(page.locator(".card")).to_have_count(rooms)
    expect(page.locator("#recordings > li")).to_have_count(4)


def keep(page: Page, name: str, *, whole: bool = True) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=KEPT / f"{name}-{scheme}.png", full_page=whole)


@pytest.mark.parametrize("rooms", [1, 8, 100])
def test_it_fits_every_width_in_both_schemes(page: Page, stage: Stage, rooms: int) -> None:
    show(page, stage, rooms)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0, width
        keep(page, f"{rooms}-rooms-{width}")


# As who has told the browser so.
LARGE_TEXT: Final = "size => document.documentElement.style.fontSize = `${size}px`"


@pytest.mark.parametrize("rooms", [8, 100])
def test_it_fits_with_text_of_twice_the_size(page: Page, stage: Stage, rooms: int) -> None:
    show(page, stage, rooms)
    word = "getComputedStyle(document.querySelector('.card .word')).fontSize"
    before = float(page.evaluate(word).removesuffix("px"))
    page.evaluate(LARGE_TEXT, 32)
    assert float(page.evaluate(word).removesuffix("px")) == pytest.approx(2 * before)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0, width
        keep(page, f"{rooms}-rooms-{width}-large-text")


@pytest.mark.parametrize("rooms", [8, 20])
def test_titles_of_any_script_and_length_fit(page: Page, stage: Stage, rooms: int) -> None:
    show(page, stage, rooms, FOREIGN)
    assert max(map(len, FOREIGN)) == 128
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0, width
        keep(page, f"{rooms}-foreign-rooms-{width}")


PATH: Final = "/srv/" + "recordingsofalllecturehalls" * 8


def test_folders_and_receivers_of_any_length_fit(page: Page, stage: Stage) -> None:
    """What people configure has no limit of ours, and need not have a space in it."""
    hooks = HooksView(
        is_delivering=True, failing=(f"https://{'receiver' * 20}/",), failing_since=None,
        delivered=1, given_up=0, lost=0, age_s=1.0,
    )  # fmt: skip
    wear = WearView(directory=PATH, written_bytes=1, period_s=60.0, total_bytes=2, age_s=1.0)
    stage.show(
        picture(
            rooms=(
                room(
                    "r" * 64, publisher=PublisherView(address="::1", software="X" * 128, age_s=1.0)
                ),
            ),
            storage=storage(directory=PATH, reason=PATH, state=DiskState.FAILED),
            system=system(
                hooks=hooks,
                wear=(wear,),
                config=config(path=PATH, restart=(f"rooms.{'r' * 64}.key",)),
            ),
        )
    )
    page.goto("/")
    expect(page.locator("#machine")).to_contain_text(PATH)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0, width
        keep(page, f"long-folders-{width}")


@pytest.mark.parametrize("number", [45, 43])
def test_a_question_with_such_a_title_fits(page: Page, stage: Stage, number: int) -> None:
    show(page, stage, 8, FOREIGN)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.get_by_role("button", name=f"Delete recording {number}").click()
        dialog = page.locator("#ask")
        assert dialog.evaluate("it => it.scrollWidth - it.clientWidth") <= 0, width
        keep(page, f"foreign-question-{number}-{width}", whole=False)
        page.locator("#ask-no").click()
    page.set_viewport_size({"width": 320, "height": 900})
    page.get_by_role("button", name="Split Donau").click()
    assert dialog.evaluate("it => it.scrollWidth - it.clientWidth") <= 0
    page.route("**/split", lambda route: None, times=1)
    page.locator("#ask-yes").click()
    expect(page.locator("#ask-yes")).to_be_disabled()
    keep(page, "working-question-320", whole=False)


def test_one_room_fills_a_tablet(page: Page, stage: Stage) -> None:
    show(page, stage, 8)
    for number, width, height in ((101, 1024, 768), (104, 768, 1024), (106, 360, 640)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto("about:blank")
        page.goto(f"/#room{number}")
        expect(page.locator(".card")).to_have_count(1)
        if number != 104:
            expect(page.locator(".chart .line")).to_have_attribute("d", re.compile("^M"))
        assert page.evaluate(WIDER) <= 0
        bottom = page.locator(".card").evaluate("it => it.getBoundingClientRect().bottom")
        assert bottom >= height - 40
        keep(page, f"room-{number}-{width}", whole=False)
