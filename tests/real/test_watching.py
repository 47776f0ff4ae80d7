"""A live room watched by real players while it is recorded: what each gets from its first keyframe
on is what was sent, to the last frame, and the recording has all of it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from tests.helpers.certificates import write_certificate
from tests.helpers.encoders import DEBIAN_FFMPEG, KEYFRAME_EVERY, begin
from tests.helpers.packets import current_ffmpeg, read_tracks
from tests.helpers.ports import free_port
from tests.helpers.program import run_recorder
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.packets import Packet, Tracks

pytestmark = [pytest.mark.real, pytest.mark.debian]

ROOMS = {"hall": "h264-aac", "studio": "hevc-opus", "radio": "aac", "silent": "h264"}
"""What is published into each."""

VIEW_KEYS = {room: f"view-of-{room}-0123456789" for room in ROOMS}
KEPT_BY_VLC = 10
"""Packets of sound at most that it does not write any more at its end: a fifth of a second."""

LEFT_BY = {"rtmp2src": 1}
"""Messages at most that a player throws away itself: GStreamer's has one in its hand when it hears
that the stream has ended, and on a busy machine nobody has taken that from it yet."""

SECONDS = 9
NOBODY = 65534


AS_MP4 = ("-movflags", "frag_keyframe+delay_moov", "-f", "mp4")
"""It takes no track that is neither picture nor sound, so a player that sees one fails by it."""

WRITE_ANEW = {"VLC", "into MP4"}
"""Players that do not keep what they are sent as it is."""


def ffmpeg(
    server: str, room: str, *options: str, program: str = "", form: Sequence[str] = ("-f", "flv")
) -> list[str]:
    """Copies every track of what it is sent."""
    read = [*options, "-i", f"{server}/{room}?key={VIEW_KEYS[room]}"]
    copy = ["-map", "0", "-c", "copy", *form, "-"]
    return [program or current_ffmpeg(), "-v", "error", *read, *copy]


def players(server: str) -> dict[str, list[str]]:
    """Each writes what it is sent as FLV to its standard output. Those that seek begin by it."""
    url = f"{server}/hall?key={VIEW_KEYS['hall']}"
    # VLC refuses to run as root.
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return {
        "ffmpeg": ffmpeg(server, "hall"),
        "into MP4": ffmpeg(server, "hall", form=AS_MP4),
        "seeking": ffmpeg(server, "hall", "-ss", "1"),
        "old and seeking": ffmpeg(server, "hall", "-ss", "1", program=DEBIAN_FFMPEG),
        "rtmp2src": ["gst-launch-1.0", "-q", "rtmp2src", f"location={url}", "!", "fdsink"],
        "rtmpdump": [
            "rtmpdump",
            "-q",
            "-r",
            server,
            "-y",
            f"hall?key={VIEW_KEYS['hall']}",
            "--live",
        ],
        "VLC": [
            *(as_nobody if os.geteuid() == 0 else []),
            *("cvlc", "-I", "dummy", "-q", "--play-and-exit", url),
            *("--sout", "#std{access=file,mux=avformat{mux=flv},dst=-}"),
        ],
    }


async def watch(command: list[str], path: Path) -> None:
    with path.open("wb") as file, trio.fail_after(30):
        done = await trio.run_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            capture_stderr=True,
            env={**os.environ, "HOME": "/nonexistent"},
            check=False,
        )
    assert done.returncode == 0, (command[0], done.stderr)


def check_seen(player: str, sent: Tracks, seen: Tracks) -> None:
    """Nothing is missing from the first packet of each track to its last, and times agree."""
    by_kind = {name.kind: packets for name, packets in seen.items()}
    bases = set()
    may_be_left = LEFT_BY.get(player, 0)
    for name, packets in sent.items():
        got = by_kind[name.kind]
        if may_be_left and _content(got[-1]) == _content(packets[-2]) != _content(packets[-1]):
            packets, may_be_left = packets[:-1], may_be_left - 1
        at = len(packets) - len(got)  # a tone can sound the same twice, packet for packet
        assert [*map(_content, packets[at:])] == [*map(_content, got)], (player, name.kind, at)
        assert len(got) >= KEYFRAME_EVERY, (player, "watched too little to tell")
        bases |= {was.dts_ms - now.dts_ms for was, now in zip(packets[at:], got, strict=True)}
        if name.kind == "video":
            assert at > 0, "it came while the room was live"
            assert at % KEYFRAME_EVERY == 0, "its first frame is a keyframe"
    assert len(bases) == 1, (player, bases)


async def check_pictures_and_sound(source: Path, seen: Path) -> None:
    """For VLC, whose packetizer writes H.264 anew: every picture of it is one that was sent. The
    packets of its sound are those that were."""
    sent, got = await pictures(source), await pictures(seen)
    assert len(got) >= KEYFRAME_EVERY
    assert sent[-len(got) :] == got
    assert (len(sent) - len(got)) % KEYFRAME_EVERY == 0, "its first frame is a keyframe"
    was, now = [
        [_content(each) for name in tracks for each in tracks[name] if name.kind == "audio"]
        for tracks in (await read_tracks(source), await read_tracks(seen))
    ]
    at = was.index(now[0])
    assert was[at : at + len(now)] == now
    assert len(was) - at - len(now) <= KEPT_BY_VLC


async def pictures(path: Path) -> list[str]:
    """The MD5 of each picture, decoded."""
    done = await trio.run_process(
        [
            current_ffmpeg(),
            "-v",
            "error",
            "-i",
            str(path),
            *["-map", "0:v", "-fps_mode", "passthrough"],
            "-f",
            "framemd5",
            "-",
        ],
        capture_stdout=True,
    )
    lines = done.stdout.decode().splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


def _content(packet: Packet) -> tuple[int, str]:
    return packet.size, packet.md5


async def be_refused(command: list[str]) -> None:
    """Ask with a wrong key; the player must say why."""
    wrong = [each.replace(VIEW_KEYS["hall"], "wrong") for each in command]
    done = await trio.run_process(wrong, capture_stdout=True, capture_stderr=True, check=False)
    assert b"Unknown room or wrong key." in done.stderr


async def test_what_players_get_from_their_first_keyframe_on_is_what_was_sent(
    sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", SECONDS)
    async with run_recorder(tmp_path, ["hall"], view_keys={"hall": VIEW_KEYS["hall"]}) as recorder:
        commands = players(f"rtmp://127.0.0.1:{recorder.port}/live")
        async with trio.open_nursery() as nursery:
            publish = begin(nursery, source, recorder.url("hall"), tmp_path / "muxed.flv")
            await recorder.line("hall: recording 1 began")
            for player, command in commands.items():
                nursery.start_soon(watch, command, tmp_path / f"{player}.flv")
            nursery.start_soon(be_refused, commands["ffmpeg"])
            published = await publish.published()
        await check_recording(await recorder.ended("hall"), published)
        await recorder.line("127.0.0.1: refused: hall: unknown room or wrong key to watch")
        sent = await published.reference()
        await recorder.stop()
    await check_pictures_and_sound(source, tmp_path / "VLC.flv")
    for player in commands:
        if player not in WRITE_ANEW:
            check_seen(player, sent, await read_tracks(tmp_path / f"{player}.flv"))


async def test_every_kind_of_room_is_watched_over_rtmp_and_rtmps(
    sources: Sources, tmp_path: Path
) -> None:
    """By the current ffmpeg: what Enhanced RTMP carries, sound alone, and a picture alone."""
    authority, trusted = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    tls = {"listen": [f"127.0.0.1:{free_port()}"], **write_certificate(authority, tmp_path)}
    made = {room: sources.get(recipe, SECONDS) for room, recipe in ROOMS.items()}
    sent: dict[str, Tracks] = {}
    async with run_recorder(tmp_path, ROOMS, view_keys=VIEW_KEYS, rtmp={"tls": tls}) as recorder:
        ways: dict[str, tuple[str, ...]] = {
            f"rtmp://127.0.0.1:{recorder.port}/live": (),
            f"rtmps://{tls['listen'][0]}/live": ("-tls_verify", "1", "-ca_file", str(trusted)),
        }

        async def lesson(room: str) -> None:
            muxed = tmp_path / f"muxed-{room}.flv"
            async with trio.open_nursery() as nursery:
                publish = begin(nursery, made[room], recorder.url(room), muxed)
                await recorder.line(rf"{room}: recording \d began")
                for server, options in ways.items():
                    path = tmp_path / f"{server[:5]}-{room}.flv"
                    nursery.start_soon(watch, ffmpeg(server, room, *options), path)
                published = await publish.published()
            await check_recording(await recorder.ended(room), published)
            sent[room] = await published.reference()

        async with trio.open_nursery() as lessons:
            for room in ROOMS:
                lessons.start_soon(lesson, room)
        await recorder.stop()
    for room in ROOMS:
        for way in ("rtmp:", "rtmps"):
            seen = await read_tracks(tmp_path / f"{way}-{room}.flv")
            assert len(seen) == len(sent[room]), (way, room)
            check_seen(f"{way}, {room}", sent[room], seen)
