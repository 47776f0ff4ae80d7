"""What stands on the page: every state, every alarm, every figure and how old it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from recorder import amounts
from recorder.status.alarms import Alarms
from recorder.status.house_views import BlockedView, DiskState, HooksView, RefusedView
from recorder.status.room_views import PublisherView, RoomState
from recorder.status.snapshot import Severity
from tests.status.snapshots import (
    alarm,
    audio,
    clock,
    config,
    idle,
    picture,
    room,
    storage,
    system,
    video,
)
from tests.web.houses import ago, house, line

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from recorder.status.snapshot import AlarmView
    from tests.web.stage import Stage

pytestmark = pytest.mark.debian

WORDS = {
    RoomState.IDLE: "Idle",
    RoomState.STARTING: "Starting",
    RoomState.RECORDING: "Recording",
    RoomState.WAITING: "Waiting",
    RoomState.STALLED: "Disk stalls",
    RoomState.STOPPED: "Stopped",
    RoomState.FAULT: "Not recorded",
}


def figure(inside: Locator, name: str) -> Locator:
    """The value of a row of figures."""
    return inside.locator(f'div:has(> dt:text-is("{name}")) > dd')


def test_every_state_has_its_word_its_icon_and_its_colour(page: Page, stage: Stage) -> None:
    stage.show(picture(rooms=tuple(room(state, state=state) for state in RoomState)))
    page.goto("/")
    icons, colours = set(), set()
    for state, word in WORDS.items():
        card = page.locator(f".card.{state}")
        expect(card.locator(".word")).to_have_text(word)
        expect(page.locator(f"#counts .{state}")).to_have_text(f"1{word}")
        icons.add(card.locator(".state path").get_attribute("d"))
        colours.add(card.locator(".word").evaluate("it => getComputedStyle(it).color"))
    assert len(icons) == len(WORDS)
    assert len(colours) >= 5


def everything_wrong() -> tuple[AlarmView, ...]:
    """All alarms that there are at once, by the rules themselves."""
    silent, noisy = room("silent", media_age_s=30.0), room("noisy", is_contested=True, drift_s=40.0)
    picture_gone = room("dark", video=video(frame_age_s=9.0), quality=0.1, buffer_bytes=60 << 20)
    no_keys = room("keyless", video=video(keyframe_age_s=60.0))
    broken = room("broken", state=RoomState.FAULT, reason="no disk")
    alarms: dict[str, AlarmView] = {}
    for disk in (DiskState.FAILED, DiskState.STALLED, DiskState.HELD):
        for weak in (True, False):
            seen = picture(
                rooms=(silent, noisy, picture_gone, no_keys, broken),
                storage=storage(
                    state=disk, reason="Reason.", time_left_s=60, foreign_fills=True,
                    blocked=BlockedView(plan="p1", recordings=120, bytes=10**12),
                ),
                system=system(
                    media_bytes=99_000_000, temperature_c=90.0, under_voltage_now=weak,
                    under_voltage_ever=True, last_end="power", failed_logins=30,
                    failed_publishes=30, config=config(errors=("line 3",), restart=("x",)),
                    clock=clock(is_trusted=False, reason="never set", stepped_ms=9000,
                                step_age_s=5.0),
                ),
            )  # fmt: skip
            judge = Alarms()
            judge.judge(seen, 0.0)
            alarms |= {each.kind: each for each in judge.judge(seen, 1000.0)}
    return tuple(replace(each, id=kind) for kind, each in alarms.items())


def test_every_alarm_stands_with_what_to_do(page: Page, stage: Stage) -> None:
    alarms = everything_wrong()
    assert len(alarms) >= 18
    stage.show(picture(alarms=alarms))
    page.goto("/")
    page.locator("#unfold").click()
    lines = page.locator("#alarms > li")
    expect(lines).to_have_count(len(alarms))
    for words, each in zip(lines.all_inner_texts(), alarms, strict=True):
        word = {"critical": "Critical", "warning": "Warning", "info": "Note"}[each.severity]
        assert word in words
        assert each.text in words
        assert each.advice in words


def shape(page: Page) -> str:
    """Of the icon, whatever its colour."""
    address = page.locator("#icon").get_attribute("href")
    assert address is not None
    found = re.search('d="(.*?)"', unquote(address))
    assert found is not None
    return found[1]


def test_the_worst_alarm_is_the_banner_the_title_and_the_icon(page: Page, stage: Stage) -> None:
    page.goto("/")
    expect(page.locator("#banner")).to_have_class("banner good")
    expect(page.locator("#banner")).to_have_text(re.compile("All is well. 1 room is being rec"))
    expect(page).to_have_title("● 1 recording · Recorder")
    shapes = {shape(page)}
    for severity in Severity:
        worst = alarm(id="a", severity=severity, text=f"{severity}!", advice="Run.")
        stage.show(picture(alarms=(worst, alarm(id="b", severity=Severity.INFO))))
        expect(page.locator("#banner")).to_have_class(f"banner {severity}")
        expect(page.locator("#worst")).to_have_text(f"{severity}!")
        expect(page.locator("#advice")).to_have_text("Run.")
        expect(page.locator("#others")).to_have_text("and 1 more alarm")
        mark = "◆" if severity is Severity.CRITICAL else "▲"
        expect(page).to_have_title(f"{mark} 2 alarms · ● 1 recording · Recorder")
        shapes.add(shape(page))
    stage.show(picture(rooms=(idle(),)))
    expect(page).to_have_title("Recorder")
    expect(page.locator("#worst")).to_have_text("All is well. Nothing is being recorded.")
    shapes.add(shape(page))
    # Another shape each, and not only another colour.
    assert len(shapes) == 5


def test_what_somebody_has_seen_steps_back_and_is_not_hidden(page: Page, stage: Stage) -> None:
    disk = alarm(id="a", severity=Severity.CRITICAL, text="The disk fails.", acknowledged_by="ada")
    sound = alarm(id="b", text="No sound.", advice="Check it.")
    step = alarm(id="c", severity=Severity.INFO, text="Clock set.", acknowledged_by="ada")
    banner, others = page.locator("#banner"), page.locator("#others")
    full = alarm(id="d", severity=Severity.CRITICAL, text="No room.", advice="Make some.")
    stage.show(picture(alarms=(full, disk, sound, step)))
    page.goto("/")
    expect(banner).to_have_class("banner critical")
    expect(page.locator("#worst")).to_have_text("No room.")
    expect(page.locator("#advice")).to_have_text("Make some.")
    expect(others).to_have_text("and 3 more alarms, 1 critical")
    assert page.locator("#alarms .what").all_inner_texts() == [
        *("No room.", "The disk fails.", "No sound.", "Clock set."),
    ]
    expect(page).to_have_title(re.compile("^◆ 3 alarms"))
    stage.show(picture(alarms=(disk, step)))
    # Not red all over, and not green either.
    expect(banner).to_have_class("banner critical seen")
    expect(page.locator("#worst")).to_have_text("The disk fails.")
    expect(page.locator("#advice")).to_have_text("Seen by ada. Make room.")
    expect(others).to_have_text("and 1 more alarm")
    # Nor is it hidden by what is less bad and news: the disk takes nothing.
    for less in (sound, replace(step, acknowledged_by=None)):
        stage.show(picture(alarms=(disk, less)))
        expect(others).to_have_text("and 1 more alarm, 1 not seen yet")
        expect(banner).to_have_class("banner critical seen")
        expect(page.locator("#worst")).to_have_text("The disk fails.")
        expect(page).to_have_title(re.compile("^◆ 2 alarms"))
    stage.show(picture(alarms=(step,)))
    expect(banner).to_have_class("banner good")
    expect(others).to_have_text("and 1 note")
    expect(page).to_have_title("● 1 recording · Recorder")


def test_a_card_says_its_figures_and_how_old_they_are(page: Page, stage: Stage) -> None:
    stage.actions.rates = [(float(age), 3_900_000) for age in range(200, 0, -1)]
    page.goto("/")
    card = page.locator(".card.recording")
    told: dict[str, str | re.Pattern[str]] = {
        "picture": re.compile("^1280.720$"),
        "frames": "25.0 /s",
        "bitrate": "4.0 Mbit/s",
        "last media": re.compile(r"^\d s ago$"),
        "safe on disk": "285.1 MiB",
        "not yet safe": re.compile(r"^976.6 KiB, \d s old$"),
        "file": "0002.flv.part",
        "recording": "42, 10 min 00 s long",
        "encoder": "OBS",
    }
    for name, value in told.items():
        expect(figure(card, name)).to_have_text(value)
    expect(card.get_by_text("connection", exact=True)).to_have_count(0)
    expect(card.locator(".since")).to_have_text(re.compile(r"^since 22 Nov 2026.*, for 10 min"))
    expect(card.locator(".chart .line")).to_have_attribute("d", re.compile("^M"))
    expect(card.locator(".most")).to_have_text("4.0 Mbit/s")
    expect(card.get_by_role("img")).to_have_attribute("aria-label", re.compile("at most 4.0 Mbit"))
    stage.show(picture(rooms=(room(figures_age_s=7.0, quality=0.9, line_age_s=7.0),)))
    expect(figure(card, "bitrate")).to_have_text(re.compile("4.0 Mbit/s, [789] s ago"))
    expect(figure(card, "connection")).to_have_text(re.compile("90 %, [789] s ago"))
    open_one = room().recording
    assert open_one is not None
    counts = {"lost_ms": 12_000, "lost_bytes": 6_000_000, "clock_jumps": 1}
    holed = replace(open_one, lost_ms=12_000, anomalies=counts)
    stage.show(picture(rooms=(room(recording=holed),)))
    lost = figure(card, "lost, as the disk took nothing")
    expect(lost).to_have_text("12 s, 5.7 MiB")
    expect(lost).to_have_class("warning")
    page.goto("/#room101")
    page.get_by_text("All figures").click()
    expect(figure(card, "noticed")).to_have_text("clock jumps 1")


def test_what_is_lost_so_far_stands_behind_the_reason_and_grows(page: Page, stage: Stage) -> None:
    page.goto("/")
    for lost_ms, told in (
        (0, "No disk."),
        (9_000, "No disk. 9 s (8.6 MiB) are lost so far."),
        (240_000, "No disk. 4 min 00 s (228.9 MiB) are lost so far."),
    ):
        lost = {"lost_ms": lost_ms, "lost_bytes": 1000 * lost_ms}
        stage.show(picture(rooms=(room("hall", state=RoomState.FAULT, reason="No disk.", **lost),)))
        expect(page.locator(".card .reason")).to_have_text(told)


def test_a_line_is_told_in_a_word_a_score_and_a_reason(page: Page, stage: Stage) -> None:
    stage.show(picture(rooms=(room(quality=0.97, line=line()),)))
    page.goto("/")
    card = page.locator(".card")
    connection = figure(card, "connection")
    expect(connection).to_have_text("good, 97 %")
    expect(connection).to_have_class("")
    expect(figure(card, "because")).to_have_count(0)
    late = line(word="weak", reason="what it sends comes 0.8 s late", late_ms=780.0)
    shown = room(quality=0.61, line=late, av_offset_ms=-120.0, viewers=2)
    stage.show(picture(rooms=(shown,)))
    expect(connection).to_have_text("weak, 61 %")
    expect(connection).to_have_class("warning")
    expect(figure(card, "because")).to_have_text("what it sends comes 0.8 s late")
    page.goto(f"/#{shown.name}")
    page.get_by_text("All figures").click()
    told = {
        "keyframe every": "2.0 s",
        "sound runs": "120 ms before the picture",
        "late by": "780 ms, wavers by 40 ms",
        "round trip": "18 ms ± 4 ms",
        "lost on the way": "about 0.02 % of its packets",
        "watched by": "2 players",
    }
    for name, value in told.items():
        expect(figure(page.locator(".more"), name)).to_have_text(value)
    # Of a microphone that was dead from the beginning there was no last sound.
    expect(figure(page.locator(".more"), "sound")).to_contain_text(", last frame 0 s ago")
    stage.show(picture(rooms=(replace(shown, audio=audio(frame_age_s=20.0)),)))
    expect(figure(page.locator(".more"), "sound")).to_contain_text(re.compile(", nothing for 2. s"))


@pytest.mark.parametrize("size", [0, 1023, 1024, 999_999, 5_000_000, 16_357_785, 10**9, 10**13])
def test_a_size_is_told_as_the_recorder_s_own_sentences_tell_it(
    page: Page, stage: Stage, size: int
) -> None:
    """`15.6 MiB are free` in the reason, and 16.3 MB beside it, would be two disks."""
    stage.show(picture(storage=storage(kept_bytes=size, counted_age_s=0.0)))
    page.goto("/")
    expect(figure(page.locator("#disk"), "kept by people")).to_have_text(amounts.size(size))


@pytest.mark.parametrize("state", [DiskState.STALLED, DiskState.FAILED, DiskState.HELD])
def test_all_is_not_well_while_the_disk_is_not(page: Page, stage: Stage, state: DiskState) -> None:
    """Also for the seconds in which that is no alarm yet, or none any more."""
    stage.show(picture(storage=storage(state=state, reason="Reason.")))
    page.goto("/")
    expect(page.locator("#worst")).to_have_text("No alarm stands. 1 room is being recorded.")
    expect(page.locator("#banner")).to_have_class("banner info")


def test_the_disk_is_told_in_hours_left(page: Page, stage: Stage) -> None:
    page.goto("/")
    told = {1_000_000: "277 h", 149_000: "41 h", 9000: "2 h 30 min", 700: "11 min"}
    for left_s, text in told.items():
        stage.show(picture(storage=storage(time_left_s=left_s)))
        expect(page.locator("#left")).to_have_text(text)
        expect(page.locator("#counts .disk")).to_contain_text(text)
    disk = page.locator("#disk")
    expect(figure(disk, "free")).to_have_text(re.compile(r"465.7 GiB of 931.3 GiB, \d s ago"))
    expect(figure(disk, "kept by people")).to_have_text(re.compile(r"953.7 MiB, 2\d s ago"))
    expect(figure(disk, "not recordings")).to_have_text(re.compile(r"95.4 MiB, 2\d s ago"))
    expect(page.locator("#left-age")).to_have_text(re.compile(r", as of 2\d s ago"))
    expect(figure(disk, "last tried")).to_have_text(re.compile(r"\d s ago"))
    full = page.locator("#full")
    expect(full).to_have_attribute("aria-label", "50 % of the disk is full")
    expect(full).to_have_class("bar info")
    left = alarm(kind="time_left", severity=Severity.WARNING)
    stage.show(picture(alarms=(alarm(id="b", kind="no_audio"), left)))
    expect(full).to_have_class("bar warning")
    expect(page.locator("#counts > li").last).to_have_class("disk warning")
    stage.show(
        picture(
            storage=storage(
                time_left_s=None, state=DiskState.FAILED, reason="Input/output error",
                total_bytes=None, free_bytes=None, free_age_s=None,
            ),
            alarms=(alarm(kind="disk_failed", severity=Severity.CRITICAL),),
        )
    )  # fmt: skip
    expect(page.locator("#left")).to_have_text("unknown")
    expect(figure(disk, "state")).to_have_text("takes no writes")
    expect(figure(disk, "state")).to_have_class("critical")
    expect(page.locator("#left-age")).to_have_text(", as nothing was recorded yet")
    expect(figure(disk, "why")).to_have_text("Input/output error")
    expect(page.locator("#full")).to_be_hidden()
    stage.show(picture(storage=storage(time_left_s=None, counted_age_s=None)))
    expect(page.locator("#left-age")).to_have_text("")


def test_the_machine_says_what_who_is_asked_for_help_wants_to_know(
    page: Page, stage: Stage
) -> None:
    page.goto("/")
    machine = page.locator("#machine")
    expect(figure(machine, "recorder")).to_have_text("1.0, for 2 h 46 min")
    expect(figure(machine, "clock")).to_have_text("trusted")
    expect(figure(machine, "disk of /srv/recordings")).to_contain_text("18.6 GiB in 24 h 00 min")
    expect(figure(machine, "configuration")).to_have_text("/etc/recorder/config.yaml")
    expect(figure(machine, "hooks")).to_have_count(0)
    expect(figure(machine, "looked at")).to_have_text(re.compile(r"\d s ago"))
    # Days are searched for by this device's clock, and recordings have the recorder's.
    its = figure(machine, "its time")
    expect(its).to_have_text(
        re.compile(r"^22 Nov 2026, 11:30, \d+ (h|days).* behind this device's$")
    )
    expect(its).to_have_class("warning")
    stage.show(picture(time=ago(-7200)))
    expect(its).to_have_text(re.compile("(1 h 59|2 h 00) min ahead of this device's$"))
    stage.show(picture(time=ago(0)))
    expect(its).to_have_text(re.compile(r"^\d+ \w+ \d+, \d\d:\d\d$"))
    shown = system(
        under_voltage_ever=True,
        last_end="power",
        failed_logins=3,
        failed_publishes=4,
        refused=(RefusedView(address="10.0.0.9", times=7, age_s=12.0),),
        clock=clock(is_trusted=False, reason="never set", stepped_ms=-2500, step_age_s=60.0),
        config=config(errors=("line 3",), restart=("rtmp.listen",)),
        hooks=HooksView(
            is_delivering=True,
            failing=("https://<b>monitor</b>",),
            failing_since="2026-11-22T10:30:00.000Z",
            delivered=12,
            given_up=1,
            lost=0,
            age_s=25.0,
        ),
        machine_age_s=48.0,
        wear=(replace(system().wear[0], age_s=30.0),),
    )
    stage.show(picture(system=shown))
    told: dict[str, str | re.Pattern[str]] = {
        "clock": "not trusted: never set",
        "clock was set": re.compile("by -2.5 s, 1 min 0. s ago"),
        "power": "was too weak",
        "the one before": "lost its power",
        "failed logins": "3 in 20 s",
        "wrong keys": "4 in 20 s",
        "refused": re.compile("10.0.0.9, 7 times, last 1[2-5] s ago"),
        "in force": "the one before",
        "needs a restart": "rtmp.listen",
        "hooks": re.compile("12 delivered, 2[5-8] s ago"),
        "disk of /srv/recordings": re.compile("all writes, 3[0-3] s ago"),
        "looked at": re.compile("(48|49|50|51) s ago"),
        "do not answer": "https://<b>monitor</b>",
        "given up": "1",
    }
    for name, value in told.items():
        expect(figure(machine, name)).to_have_text(value)


def test_text_of_peers_is_never_html(page: Page, stage: Stage) -> None:
    evil = "<img src=x onerror=alert(1)><b>b</b>"
    publisher = PublisherView(address=evil, software=evil, age_s=1.0)
    shown = room(title=evil, publisher=publisher, state=RoomState.FAULT, reason=evil)
    told = alarm(room=shown.name, text=evil, advice=evil)
    stage.show(picture(rooms=(shown,), alarms=(told,)))
    page.goto("/")
    expect(page.locator(".card .reason")).to_have_text(evil)
    expect(figure(page.locator(".card"), "encoder")).to_have_text(evil)
    expect(page.locator("#worst")).to_have_text(evil)
    expect(page.locator("#alarms .what")).to_have_text(evil)
    page.goto(f"/#{shown.name}")
    page.get_by_text("All figures").click()
    expect(figure(page.locator(".more"), "from")).to_contain_text(evil)
    assert page.locator("img, .card b, #alarms b, #banner b").count() == 0


def test_more_than_twelve_rooms_are_tiles_the_worst_first(page: Page, stage: Stage) -> None:
    stage.show(house(100))
    page.goto("/")
    for rooms in (100, 13, 12, 100):
        stage.show(house(rooms))
        expect(page.locator(".card")).to_have_count(rooms)
        expect(page.locator(".card.tile")).to_have_count(rooms if rooms > 12 else 0)
        words = page.locator(".card .word").all_inner_texts()
        assert words[0] == "Not recorded"
        assert words[2:4] == ["Disk stalls", "Stopped"]
        assert words[-1] == "Idle"


def test_a_tile_shows_little_and_leads_to_its_room(page: Page, stage: Stage) -> None:
    stage.show(house(100))
    page.goto("/")
    tile = page.locator(".card.tile", has_text="Room 106")
    # Who goes from link to link hears how each room is.
    expect(tile.get_by_role("link")).to_have_accessible_description("Not recorded")
    expect(tile.locator(".since")).to_have_text(re.compile("10 min"))
    expect(tile.locator(".body")).to_be_hidden()
    # All that is asked of the recorder is what is shown: no chart, so no history.
    assert not [each for each in stage.actions.calls if each.startswith("history")]
    long = page.locator(".card.tile .name").first
    height = long.evaluate("it => it.getBoundingClientRect().height")
    rooms = tuple(replace(each, title="A long name " * 6) for each in house(100).rooms)
    stage.show(replace(house(100), rooms=rooms))
    expect(long).to_have_attribute("title", re.compile("^A long name"))
    # Two lines, not as many as it takes: the house would not fit the wall.
    assert long.evaluate("it => it.getBoundingClientRect().height") <= 2 * height + 1
    stage.show(house(100))
    expect(tile).to_have_count(1)
    with page.expect_response("**/api/v1/rooms/room106/history"):
        tile.click()
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card .reason")).to_have_text("The disk says: Input/output error.")


def test_one_room_alone_says_what_concerns_it(page: Page, stage: Stage) -> None:
    stage.show(house(8))
    page.goto("/#room103")
    expect(page.locator("body")).to_have_class("single")
    expect(page.locator(".card .name")).to_have_text("Chemistry lab")
    expect(page.locator("#worst")).to_contain_text("no sound for 31 s")
    expect(page).to_have_title("▲ 1 alarm · ● Recording · Chemistry lab")
    expect(page.locator("#archive")).to_be_hidden()
    page.goto("/#room101")
    expect(page.locator("#worst")).to_have_text("All is well. This room is being recorded.")
    page.goto("/#room108")
    expect(page.locator("#worst")).to_have_text("All is well. Nothing here is being recorded.")
    # Its encoder was lost.
    page.goto("/#room104")
    expect(page.locator("#worst")).to_have_text("No alarm stands. Nothing here is being recorded.")
    expect(page.locator("#banner")).to_have_class("banner info")
    page.get_by_role("link", name="All rooms").click()
    expect(page.locator(".card")).to_have_count(8)
    page.goto("/#nowhere")
    expect(page.locator("#no-rooms")).to_have_text("There is no room nowhere now.")
    page.goto("/#%")
    expect(page.locator("#no-rooms")).to_have_text("There is no room % now.")


def test_a_house_of_which_no_room_has_a_name_yet_is_not_called_unconfigured(
    page: Page, stage: Stage
) -> None:
    """`*` takes any name, and has no card until an encoder has said one."""
    stage.show(picture(rooms=()))
    page.goto("/")
    expect(page.locator("#no-rooms")).to_contain_text("No room yet.")
    expect(page.locator("#no-rooms")).to_contain_text("`*`")
