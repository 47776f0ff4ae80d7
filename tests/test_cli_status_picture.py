"""What `recorder status` shows, without a terminal: pictures from snapshots, printed into text."""

from __future__ import annotations

import os
from typing import Any

import pytest
from msgspec.structs import replace

from recorder.cli_status_fields import (
    KNOWN_VERSION,
    Fields,
    has_critical_alarm,
    megabits,
    running,
    span,
    time_left,
)
from recorder.cli_status_picture import PIPE_WIDTH, Picture, console
from recorder.status import snapshot
from recorder.status.room_views import RoomState
from tests.helpers.terminal import document, row, shown
from tests.status.sample import ALARM, IDLE, RECORDING, ROOM, WARNING

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"
WIDTHS = (20, 80, 120)


@pytest.mark.parametrize("width", [80, 120])
def test_a_room_has_one_line_with_all_that_counts(width: int) -> None:
    text = shown(width=width)
    line = row(text, "room101 ")
    for word in (
        *("recording", "0:42:10", "3.2", "1920x1080 30", "0.1 s", "0005.flv"),
        *("810.0 MiB", "2.1 s"),
    ):
        assert f" {word}" in line
    assert "idle" in row(text, "room102")
    assert max(map(len, text.splitlines())) <= width


def test_a_wide_screen_has_room_for_titles_and_encoders() -> None:
    assert "Room 101" in row(shown(width=140), "room101")
    assert "10.2.0.17:50312 OBS 31" in row(shown(width=140), "room101")
    assert "10.2.0.17" not in shown(width=80)


def test_a_long_name_is_cut_and_breaks_no_line() -> None:
    rooms = tuple(replace(ROOM, name=f"{number}{'x' * 63}") for number in range(3))
    lines = shown(document(rooms=rooms, alarms=()), width=80).splitlines()
    assert [line[0] for line in lines[-3:]] == ["0", "1", "2"]
    assert all(" recording " in line and len(line) <= 80 for line in lines[-3:])


@pytest.mark.parametrize("width", [28, 40, 60, 80, 110, 112, 120])
def test_rooms_are_told_apart_on_a_screen_of_any_width(width: int) -> None:
    """What is less than the room and its state gives way to its name."""
    rooms = tuple(
        replace(ROOM, name=f"building7-hall-{number}", title=f"{number}. Hall, building 7")
        for number in range(3)
    )
    lines = shown(document(rooms=rooms, alarms=()), width=width).splitlines()
    for number, line in enumerate(lines[-3:]):
        assert line.startswith(f"building7-hall-{number} ")
        assert " recording" in line
        # No column is so narrow that half a figure stands in it.
        assert "…" not in line[line.index(" recording") :].split("  10.2.")[0]
        assert len(line) <= width


def test_a_screen_that_has_room_for_short_names_shows_all_columns() -> None:
    heading = next(line for line in shown(width=80).splitlines() if line.startswith("Room "))
    assert heading.split()[1:] == [
        "State", "For", "Mbit/s", "Picture", "Media", "File", "Safe", "Rest",
    ]  # fmt: skip


def test_no_room_is_no_empty_table() -> None:
    assert shown(document(rooms=(), alarms=())).splitlines()[-1] == "No room yet."


def test_what_is_left_out_is_counted_on_one_line_of_a_narrow_screen() -> None:
    rooms = tuple(replace(ROOM, name=f"room{number}", state=state)
                  for number, state in enumerate((*RoomState, *RoomState)))  # fmt: skip
    lines = shown(document(rooms=rooms), width=40, height=24, is_fitted=True).splitlines()
    assert lines[-1].startswith("... and ")
    assert len(lines) <= 24
    alarms = tuple(replace(WARNING, id=str(number)) for number in range(6))
    assert "... and 1 more alarm." in shown(document(alarms=alarms), height=60, is_fitted=True)


def test_a_long_sentence_is_not_cut_in_a_word() -> None:
    """A title, a folder and what to do: the longest that there is."""
    text = f"{'Hall ' * 25}: not recorded: {'The disk is full. ' * 12}Free 7.5 MiB."
    told = " ".join(shown(document(alarms=(replace(ALARM, text=text),))).split())
    assert "Free 7.5 MiB. For " in told
    endless = document(alarms=(replace(ALARM, text="x" * 10_000),))
    assert "x …" in " ".join(shown(endless).split())


def test_alarms_stand_on_top_with_what_to_do() -> None:
    text = shown()
    assert "2 alarms stand, 1 critical." in text.splitlines()[0]
    assert text.index("CRITICAL  The recording disk fails: Input/output error. For 2 min.") < (
        text.index("Storage")
    )
    assert ALARM.advice in text
    assert "WARNING   room101 sends no sound. For 70 s, seen by operator." in text
    # Of what stood before the recorder started nobody has measured how long.
    old = replace(ALARM, age_s=None)
    told = "The recording disk fails: Input/output error. Since 2026-11-27 11:10 UTC."
    assert told in shown(document(alarms=(old,)))
    assert "No alarm stands." in shown(document(alarms=()))
    assert "1 alarm stands." in shown(document(alarms=(WARNING,)))


def test_a_line_has_its_score_and_where_it_is_not_good_the_reason() -> None:
    assert " 90 % " in row(shown(), "room101 ")
    assert "connection" not in shown()
    assert ROOM.line is not None
    late = replace(ROOM.line, word="weak", reason="what it sends comes 0.8 s late")
    faulty = replace(IDLE, state=RoomState.FAULT, reason="The disk is full.")
    for width in (80, 120):
        rooms = (replace(ROOM, quality=0.61, line=late), faulty)
        text = shown(document(rooms=rooms), width=width)
        assert "room101 connection weak: what it sends comes 0.8 s late" in text
        assert text.index("room102 fault: The disk is full.") < text.index("connection weak")


def test_what_was_lost_is_told() -> None:
    assert "lost" not in shown()
    recording = replace(RECORDING, lost_ms=12_000)
    text = shown(document(rooms=(replace(ROOM, recording=recording),)))
    assert "room101 has lost media: 12 s that the disk did not take." in text


def test_what_is_lost_so_far_is_told_behind_the_reason() -> None:
    losing = replace(
        ROOM,
        state=RoomState.FAULT,
        reason="The disk is full.",
        lost_ms=240_000,
        lost_bytes=90 << 20,
    )
    text = shown(document(rooms=(losing,)))
    told = "room101 loses media: 4 min, 90.0 MiB so far, which nothing brings back."
    assert told in text
    assert text.index("room101 fault: The disk is full.") < text.index(told)


def test_alarms_stand_in_the_order_of_the_page_where_not_all_have_room() -> None:
    seen = replace(ALARM, acknowledged_by="operator")
    notes = [replace(WARNING, id=f"note-{n}", text=f"Note {n}.") for n in range(9)]
    text = shown(document(alarms=(seen, *notes)), is_fitted=True)
    assert "10 alarms stand, 1 critical." in text
    # Who has seen the worst has not mended it: no number of notes puts it out of sight.
    assert text.index(ALARM.text) < text.index("Note 0.")
    assert "more alarms." in text


def test_the_reason_of_a_room_is_told() -> None:
    room = replace(ROOM, state=RoomState.FAULT, reason="The disk is full.")
    assert "room101 fault: The disk is full." in shown(document(rooms=(room,)))


def test_old_news_say_so_are_grey_and_grow_older() -> None:
    text = shown(age_s=12.3, trouble="It does not run.")
    assert text.startswith("NO NEWS for 12 s; what follows is old. It does not run.\n")
    assert " 12 s " in row(text, "room101 ")
    grey = shown(age_s=12.3, colour=True)
    assert "\x1b[32m" not in grey
    assert "\x1b[90m" in grey
    fresh = shown(age_s=2.9, colour=True)
    assert "NO NEWS" not in fresh
    assert "\x1b[32m" in fresh


@pytest.mark.parametrize(("age_s", "is_shown"), [(10.0, True), (10.1, False), (None, False)])
def test_rates_that_were_measured_long_ago_are_not_shown_as_those_of_now(
    age_s: float | None, is_shown: bool
) -> None:
    rooms = (replace(ROOM, figures_age_s=age_s, line_age_s=age_s),)
    line = row(shown(document(rooms=rooms)), "room101 ")
    assert ("3.2" in line) is is_shown
    assert ("90 %" in line) is is_shown
    assert ("1920x1080 30" in line) is is_shown
    assert "1920x1080" in line


def test_a_screen_that_is_too_low_shows_the_worst_and_counts_the_rest() -> None:
    rooms = [replace(IDLE, name=f"idle{number:02}") for number in range(60)]
    rooms.append(replace(ROOM, name="bad", state=RoomState.FAULT))
    rooms.insert(0, replace(ROOM, name="good"))
    text = shown(document(rooms=tuple(rooms)), width=80, is_fitted=True)
    lines = text.splitlines()
    assert len(lines) == 24
    heading = next(at for at, line in enumerate(lines) if line.startswith("Room"))
    assert [line.split()[0] for line in lines[heading + 1 : heading + 3]] == ["bad", "good"]
    assert lines[-1] == f"... and {62 - (22 - heading)} more rooms: {62 - (22 - heading)} idle."


def test_a_hundred_alarms_leave_room_for_rooms() -> None:
    alarms = tuple(replace(WARNING, id=str(number)) for number in range(100))
    text = shown(document(alarms=alarms), is_fitted=True)
    assert "... and 95 more alarms." in text
    assert row(text, "room101 ")
    assert shown(document(alarms=alarms)).count("sends no sound") == 100


@pytest.mark.parametrize("width", [80, 120, 200])
def test_when_everything_goes_wrong_the_worst_and_some_rooms_are_on_the_screen(width: int) -> None:
    text = "Physics: not recorded: The recording disk takes no writes: Input/output error."
    alarms = [replace(ALARM, id=str(number), text=text, room="a") for number in range(10)]
    reason = "The recording disk takes no writes: Input/output error."
    fault = replace(ROOM, state=RoomState.FAULT, reason=reason, lost_bytes=10**7, lost_ms=9000)
    rooms = [replace(fault, name=f"bad{number}") for number in range(40)]
    seen = document(rooms=tuple(rooms), alarms=tuple(alarms))
    text = shown(seen, width=width, is_fitted=True, age_s=9.0, trouble="Nobody answers.")
    lines = text.splitlines()
    assert len(lines) == 24
    heading = next(at for at, line in enumerate(lines) if line.startswith("Room"))
    assert len(lines) - heading >= 5
    assert lines[0].startswith("NO NEWS")
    assert any(line.startswith("CRITICAL  Physics: not recorded") for line in lines)
    assert any("more alarms." in line for line in lines)
    assert any(line.startswith("Storage ") for line in lines)


def test_what_peers_wrote_cannot_command_the_terminal() -> None:
    nasty = "\x1b]0;owned\x07\r\n[red]x[/] \u202e"
    room = replace(ROOM, reason=nasty, title=nasty)
    alarm = replace(ALARM, text=nasty, advice=nasty)
    text = shown(document(rooms=(room,), alarms=(alarm,)), width=200)
    assert not set(text) & set("\x1b\x07\r\u202e")
    assert "[red]x[/]" in text
    assert "\\x1b]0;owned\\x07\\r\\n" in text


def test_a_newer_recorder_is_shown_as_far_as_it_is_understood() -> None:
    newer = document()
    newer["version"] = KNOWN_VERSION + 1
    newer["rooms"][0]["mood"] = {"happy": True}
    newer["rooms"][0]["state"] = "dreaming"
    text = shown(newer)
    assert "That recorder is newer than this command" in text
    assert "dreaming" in row(text, "room101 ")
    assert "newer" not in shown()


def test_the_version_that_is_known_is_the_recorder_s() -> None:
    assert KNOWN_VERSION == snapshot.VERSION


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("x", id="text"),
        pytest.param("\x1b[31m", id="escape"),
        pytest.param(7, id="number"),
        pytest.param(True, id="flag"),
        pytest.param({"a": [1]}, id="object"),
        pytest.param(-1, id="negative"),
        pytest.param(10**400, id="huge"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("inf"), id="infinite"),
    ],
)
def test_no_field_of_any_type_breaks_the_picture(wrong: object) -> None:
    """In widths by turns; with RECORDER_LONG_TESTS=1 each field in every one."""

    def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        parts: Any = ()
        if isinstance(value, dict):
            parts = value.items()
        elif isinstance(value, list):
            parts = enumerate(value)
        below = [path for key, part in parts for path in paths(part, (*at, key))]
        return [*([at] if at else []), *below]

    # Begun elsewhere with each wrong value, so that a field does not always have the same width.
    for number, path in enumerate(paths(document()), len(repr(wrong))):
        changed = document()
        holder: Any = changed
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = wrong
        for width in WIDTHS if LONG else (WIDTHS[number % len(WIDTHS)],):
            assert "\x1b" not in shown(changed, width=width, is_fitted=True)
    assert shown(wrong)


def test_a_pipe_gets_no_control_codes_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console(is_terminal=False).print(Picture(document=document(), age_s=9))
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= PIPE_WIDTH


def test_only_a_critical_alarm_is_critical() -> None:
    assert has_critical_alarm(document())
    assert not has_critical_alarm(document(alarms=(WARNING,)))
    assert not has_critical_alarm({"alarms": {"severity": "critical"}})
    assert not has_critical_alarm(None)


def test_figures_are_short_words() -> None:
    seconds = (None, -1, 0.26, 9.96, 119, 7199, 172_799, 8_640_000)
    assert [span(each) for each in seconds] == [
        *("-", "0.0 s", "0.3 s", "9 s", "119 s", "119 min", "47 h", "100 d"),
    ]
    assert [running(each) for each in (None, -1, 61, 359_999, 360_000)] == [
        *("-", "0:00:00", "0:01:01", "99:59:59", "4 d"),
    ]
    assert [time_left(each) for each in (None, 0, 7260, 36_000)] == [
        *("time left unknown", "0 h 00 min left", "2 h 01 min left", "10 h left"),
    ]
    assert [megabits(each) for each in (None, 0, 3_249_000)] == ["-", "0.0", "3.2"]


def test_a_field_is_of_its_type_or_not_known() -> None:
    fields = Fields({"a": True, "b": 1, "c": "x", "d": [{"e": 2}, 3]})
    assert (fields.number("a"), fields.number("b"), fields.number("c")) == (None, 1, None)
    assert (fields.flag("a"), fields.flag("b")) == (True, None)
    assert (fields.text("c"), fields.text("b")) == ("x", "")
    assert [bool(part) for part in fields.parts("d")] == [True, False]
    assert not fields.part("nothing")
