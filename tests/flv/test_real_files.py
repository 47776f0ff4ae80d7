"""Files of real encoders: scanner, codecs and parameters against what ffmpeg says of them.

Each file is made on the spot. The judge is ffmpeg's own demuxer: its `framecrc` muxer lists every
packet with times, size, checksum and key flag, and every track with its size or rate.
"""

from __future__ import annotations

import re
import subprocess
import zlib
from typing import TYPE_CHECKING

import attrs
import imageio_ffmpeg
import pytest

from recorder.flv.codecs import Role, composition_time_ms, payload, split_tracks
from recorder.flv.parameters import TrackParameters, parameters
from recorder.flv.scanner import Scanner, scan_file
from recorder.flv.tags import AUDIO, TAG_HEADER_BYTES, VIDEO

if TYPE_CHECKING:
    from pathlib import Path

DEBIAN = "/usr/bin/ffmpeg"
CURRENT = imageio_ffmpeg.get_ffmpeg_exe()

CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "5.1(side)": 6, "7.1": 8}


@attrs.frozen
class Packet:
    dts: int
    pts: int
    size: int
    checksum: int
    keyframe: bool


@attrs.frozen
class Track:
    """One track as ffmpeg or as our own code sees it."""

    kind: int
    size: tuple[int | None, int | None]
    sound: tuple[int | None, int | None]
    packets: list[Packet]


def make(ffmpeg: str, path: Path, *options: str) -> Path:
    """One second of a test picture and a tone, encoded as the options say."""
    command = [ffmpeg, "-v", "error", "-nostdin", "-y", *options, "-flags", "+bitexact", str(path)]
    # SVT-AV1 talks about itself whatever ffmpeg's log level is.
    subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL)
    return path


def picture(size: str = "64x48", *, rate: int = 25) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration=1"]


def tone(rate: int = 48000) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={rate}:duration=1"]


def seen_by_ffmpeg(path: Path) -> list[Track]:
    """Every track of a file in ffmpeg's order: in that of its first tag."""
    command = [CURRENT, "-v", "error", "-nostdin", "-copyts", "-i", str(path)]
    command += ["-map", "0", "-c", "copy", "-f", "framecrc", "-"]
    listing = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    facts: dict[tuple[str, int], str] = {}
    packets: dict[int, list[Packet]] = {}
    for line in listing.splitlines():
        if fact := re.fullmatch(r"#(\w+) (\d+): (.*)", line):
            facts[fact[1], int(fact[2])] = fact[3]
            packets.setdefault(int(fact[2]), [])
        elif not line.startswith("#"):
            index, dts, pts, _, size, checksum, *rest = (field.strip() for field in line.split(","))
            packets[int(index)].append(
                # Without a word about flags a packet is a key one; side data may follow.
                Packet(int(dts), int(pts), int(size), int(checksum, 16), "F=0x0" not in rest)
            )
    tracks = []
    for track, listed in packets.items():
        if facts["media_type", track] == "video":
            width, height = facts["dimensions", track].split("x")
            tracks.append(Track(VIDEO, (int(width), int(height)), (None, None), listed))
        else:
            rate = int(facts["sample_rate", track])
            channels = CHANNELS[facts["channel_layout_name", track]]
            tracks.append(Track(AUDIO, (None, None), (rate, channels), listed))
    return tracks


def seen_by_us(path: Path) -> dict[tuple[int, int, str], Track]:
    """Every track of a file by (kind, track id, codec)."""
    content = path.read_bytes()
    tracks: dict[tuple[int, int, str], Track] = {}
    scanner = Scanner()
    with path.open("rb") as file:
        scanned = list(scan_file(file, scanner))
    assert scanner.broken is None
    assert scanner.good_bytes == len(content)
    for each in scanned:
        start = each.offset + TAG_HEADER_BYTES
        body = content[start : start + each.size]
        assert body.startswith(each.head)
        for part, one in zip(each.parts, split_tracks(each.kind, body), strict=False):
            assert part.role is not Role.UNKNOWN
            if part.role not in (Role.SEQUENCE_START, Role.FRAME):
                continue
            name = (each.kind, part.track, part.codec)
            track = tracks.get(name, Track(each.kind, (None, None), (None, None), []))
            tracks[name] = _with_parameters(track, parameters(each.kind, one))
            if part.role is Role.FRAME:
                frame = payload(each.kind, one)
                track.packets.append(
                    Packet(
                        each.timestamp,
                        each.timestamp + composition_time_ms(each.kind, one),
                        len(frame),
                        # framecrc begins its Adler-32 with 0 where the standard begins with 1.
                        zlib.adler32(frame, 0),
                        part.keyframe or each.kind == AUDIO,
                    )
                )
    return tracks


def _with_parameters(track: Track, found: TrackParameters) -> Track:
    size = (found.width or track.size[0], found.height or track.size[1])
    sound = (found.sample_rate or track.sound[0], found.channels or track.sound[1])
    return attrs.evolve(track, size=size, sound=sound)


def check(path: Path, *expected: tuple[int, int, str], keyframes: int | None = None) -> None:
    """Both sides see these tracks, and each of them alike."""
    ours, theirs = seen_by_us(path), seen_by_ffmpeg(path)
    assert set(ours) == set(expected)
    assert sorted(ours.values(), key=_order) == sorted(theirs, key=_order)
    if keyframes is not None:
        videos = [track for track in ours.values() if track.kind == VIDEO]
        counts = {sum(packet.keyframe for packet in track.packets) for track in videos}
        assert counts == {keyframes}


def _order(track: Track) -> tuple[int, list[int]]:
    return track.kind, [packet.checksum for packet in track.packets]


AVC, AAC = (VIDEO, 0, "avc1"), (AUDIO, 0, "mp4a")
B_FRAMES = ["-g", "10", "-bf", "2", "-sc_threshold", "0"]


@pytest.mark.parametrize("ffmpeg", [DEBIAN, CURRENT], ids=["Debian's ffmpeg", "current ffmpeg"])
def test_h264_with_b_frames_and_aac(ffmpeg: str, tmp_path: Path) -> None:
    options = [*picture("320x240"), *tone(), "-c:v", "libx264", *B_FRAMES, "-c:a", "aac"]
    path = make(ffmpeg, tmp_path / "file.flv", *options)
    check(path, AVC, AAC, keyframes=3)
    assert any(packet.pts > packet.dts for packet in seen_by_us(path)[AVC].packets)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "gray", "yuv420p10le"])
@pytest.mark.parametrize("size", ["64x48", "98x70"])
def test_h264_of_every_chroma_cropped_and_not(pixels: str, size: str, tmp_path: Path) -> None:
    options = [*picture(size, rate=5), "-c:v", "libx264", "-pix_fmt", pixels]
    check(make(CURRENT, tmp_path / "file.flv", *options), AVC, keyframes=1)


@pytest.mark.parametrize("x264", ["cqm=jvt", "interlaced=1:cqm=jvt", "interlaced=1", "bframes=0"])
def test_h264_with_scaling_lists_and_interlaced(x264: str, tmp_path: Path) -> None:
    options = [*picture("98x68", rate=5), "-c:v", "libx264", "-x264-params", x264]
    check(make(CURRENT, tmp_path / "file.flv", *options), AVC, keyframes=1)


def test_baseline_h264_and_mp3(tmp_path: Path) -> None:
    options = [*picture(), *tone(44100), "-c:v", "libx264", "-profile:v", "baseline"]
    path = make(DEBIAN, tmp_path / "file.flv", *options, "-c:a", "libmp3lame", "-ac", "2")
    check(path, AVC, (AUDIO, 0, ".mp3"), keyframes=1)


X265 = "log-level=none:keyint=10:min-keyint=10:scenecut=0:open-gop=0"


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_hevc_and_opus(pixels: str, tmp_path: Path) -> None:
    video = ["-c:v", "libx265", "-x265-params", X265, "-pix_fmt", pixels]
    options = [*picture("98x70"), *tone(), *video, "-c:a", "libopus", "-ac", "2"]
    path = make(CURRENT, tmp_path / "file.flv", *options)
    check(path, (VIDEO, 0, "hvc1"), (AUDIO, 0, "Opus"), keyframes=3)


def test_av1_and_flac(tmp_path: Path) -> None:
    options = [*picture("98x70"), *tone(44100), "-c:v", "libsvtav1", "-g", "10", "-c:a", "flac"]
    path = make(CURRENT, tmp_path / "file.flv", *options)
    check(path, (VIDEO, 0, "av01"), (AUDIO, 0, "fLaC"), keyframes=3)


@pytest.mark.parametrize(("audio", "codec"), [("ac3", "ac-3"), ("eac3", "ec-3")])
def test_vp9_and_the_two_ac3(audio: str, codec: str, tmp_path: Path) -> None:
    video = ["-c:v", "libvpx-vp9", "-g", "10", "-b:v", "100k", "-deadline", "realtime"]
    options = [*picture("98x70"), *tone(), *video, "-c:a", audio, "-ac", "6"]
    path = make(CURRENT, tmp_path / "file.flv", *options)
    check(path, (VIDEO, 0, "vp09"), (AUDIO, 0, codec))


def test_vvc(tmp_path: Path) -> None:
    video = ["-c:v", "libvvenc", "-preset", "faster", "-period", "1"]
    path = make(CURRENT, tmp_path / "file.flv", *picture("64x48", rate=8), *video)
    check(path, (VIDEO, 0, "vvc1"))


def test_aac_of_many_channels_and_rates(tmp_path: Path) -> None:
    for rate, channels in ((8000, 1), (22050, 2), (96000, 2), (44100, 6), (44100, 8)):
        options = [*tone(rate), "-c:a", "aac", "-ac", str(channels)]
        path = make(CURRENT, tmp_path / f"{rate}-{channels}.flv", *options)
        check(path, AAC)
        assert seen_by_us(path)[AAC].sound == (rate, channels)


def test_aac_of_many_channels_at_another_rate_than_its_tags_claim(tmp_path: Path) -> None:
    path = make(CURRENT, tmp_path / "file.flv", *tone(), "-c:a", "aac", "-ac", "6")
    assert seen_by_us(path)[AAC].sound == (48000, 6)
    # With more than two channels ffmpeg 9's own demuxer takes the rate from the tag's bits, which
    # say 44100 for every AAC. The packets agree.
    assert seen_by_us(path)[AAC].packets == seen_by_ffmpeg(path)[0].packets


@pytest.mark.parametrize(
    ("video", "word"), [("flv", "h263"), ("flashsv", "screen"), ("flashsv2", "screen2")]
)
@pytest.mark.parametrize(
    ("audio", "sound", "rate"),
    [
        ("nellymoser", "nellymoser", 22050),
        ("adpcm_swf", "adpcm", 22050),
        ("pcm_alaw", "alaw", 8000),
        ("pcm_mulaw", "ulaw", 8000),
        ("pcm_s16le", "pcm", 11025),
        ("libspeex", "speex", 16000),
    ],
)
def test_legacy_codecs(
    video: str, word: str, audio: str, sound: str, rate: int, tmp_path: Path
) -> None:
    options = [*picture(rate=5), *tone(rate), "-c:v", video, "-c:a", audio, "-ac", "1"]
    path = make(DEBIAN, tmp_path / "file.flv", *options)
    ours = seen_by_us(path)
    assert set(ours) == {(VIDEO, 0, word), (AUDIO, 0, sound)}
    theirs = {track.kind: track for track in seen_by_ffmpeg(path)}
    for (kind, _, _), track in ours.items():
        assert len(track.packets) == len(theirs[kind].packets)
        assert [packet.keyframe for packet in track.packets] == [
            packet.keyframe for packet in theirs[kind].packets
        ]
        assert [packet.dts for packet in track.packets] == [
            packet.dts for packet in theirs[kind].packets
        ]
        assert track.sound == theirs[kind].sound


@pytest.mark.parametrize(
    ("codecs", "expected"),
    [
        (
            ["-c:v", "libx264", "-c:a", "aac"],
            [AVC, (VIDEO, 1, "avc1"), AAC, (AUDIO, 1, "mp4a")],
        ),
        (
            ["-c:v:0", "libx264", "-c:v:1", "libsvtav1", "-c:a:0", "aac", "-c:a:1", "libopus"],
            [AVC, (VIDEO, 1, "av01"), AAC, (AUDIO, 1, "Opus")],
        ),
        (
            ["-c:v", "libx265", "-x265-params", X265, "-c:a", "libopus"],
            [(VIDEO, 0, "hvc1"), (VIDEO, 1, "hvc1"), (AUDIO, 0, "Opus"), (AUDIO, 1, "Opus")],
        ),
    ],
    ids=["H.264 and AAC", "every track of another codec", "HEVC and Opus"],
)
def test_two_videos_and_two_sounds(
    codecs: list[str], expected: list[tuple[int, int, str]], tmp_path: Path
) -> None:
    inputs = [*picture("64x48"), *picture("98x70"), *tone(), *tone(44100)]
    maps = [word for index in range(4) for word in ("-map", str(index))]
    path = make(CURRENT, tmp_path / "file.flv", *inputs, *maps, "-g", "10", *codecs)
    check(path, *expected, keyframes=3)


def test_a_file_with_an_index_of_keyframes_is_read_whole(tmp_path: Path) -> None:
    video = ["-c:v", "libx264", *B_FRAMES, "-flvflags", "add_keyframe_index"]
    path = make(CURRENT, tmp_path / "file.flv", *picture(), *video)
    check(path, AVC, keyframes=3)
