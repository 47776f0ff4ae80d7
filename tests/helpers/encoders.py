"""Real encoders, and what they send.

Owns the command lines of the encoders that tests publish with, and the files they publish: made
once per session by the current ffmpeg, sent with `-c copy`, so that what arrives can be held
against the file packet by packet. Knows no more of the program than the address to publish to.

What an encoder sends has the packets of the file, but its own muxer's times and configurations:
GStreamer moves the times and writes the H.264 configuration anew, ffmpeg that of VP9. The exact
reference is therefore what the same muxer puts into a file: for GStreamer what a `tee` in front
of the sink wrote there, for ffmpeg a copy by the same program. That the reference has the packets
of the source is checked as well (`reference`), so an encoder's loss cannot hide one of ours.
"""

from __future__ import annotations

import enum
import fcntl
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from tests.helpers import packets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from tests.helpers.packets import Tracks

DEBIAN_FFMPEG = "/usr/bin/ffmpeg"

PUBLISH_S = 120.0
"""How long one publish of a test may take."""

KEYFRAME_EVERY = 25
"""Frames: a keyframe every second, so that 3-second segments are 3 s long."""


class Encoder(enum.Enum):
    """Who publishes."""

    DEBIAN_FFMPEG = "Debian's ffmpeg"
    CURRENT_FFMPEG = "the current ffmpeg"
    RTMP2SINK = "rtmp2sink"
    RTMPSINK = "rtmpsink"

    @property
    def is_gstreamer(self) -> bool:
        return self in {Encoder.RTMP2SINK, Encoder.RTMPSINK}


_VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25")
_SMALL_VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25")
_AUDIO = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
_H264 = ("libx264", "-preset", "veryfast", "-bf", "2", "-sc_threshold", "0", "-b:v", "400k")
_GOP = ("-g", str(KEYFRAME_EVERY), "-keyint_min", str(KEYFRAME_EVERY))
_X265 = f"log-level=error:keyint={KEYFRAME_EVERY}:min-keyint={KEYFRAME_EVERY}:bframes=2"

_RECIPES: dict[str, tuple[str, ...]] = {
    "h264-aac": (*_VIDEO, *_AUDIO, "-c:v", *_H264, *_GOP, "-c:a", "aac"),
    "hevc-opus": (
        *(*_VIDEO, *_AUDIO),
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", _X265, "-c:a", "libopus"),
    ),
    "av1-flac": (
        *(*_VIDEO, *_AUDIO),
        *("-c:v", "libsvtav1", "-preset", "11", *_GOP, "-c:a", "flac"),
    ),
    "vp9-ac3": (
        *(*_VIDEO, *_AUDIO),
        *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k"),
        *(*_GOP, "-c:a", "ac3"),
    ),
    # The tracks differ in size and in channels, so that their configurations tell them apart.
    "multitrack": (
        *(*_VIDEO, *_SMALL_VIDEO, *_AUDIO, *_AUDIO),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3"),
        *("-c:v", *_H264, *_GOP, "-c:a", "aac", "-ac:a:1", "2"),
    ),
    # 4 Mbit/s, as a classroom's camera sends: only noise is that hard to compress.
    "heavy": (
        *("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25,noise=alls=60:allf=t", *_AUDIO),
        *("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-maxrate", "4M"),
        *("-bufsize", "1M", *_GOP, "-c:a", "aac"),
    ),
    "aac": (*_AUDIO, "-c:a", "aac"),
    "h264": (*_VIDEO, "-c:v", *_H264, *_GOP),
}


@attrs.frozen
class Sources:
    """Files to publish, made when first asked for and kept for the session, by whichever of its
    processes asks first."""

    folder: Path

    def get(self, recipe: str, seconds: int) -> Path:
        """An FLV file of so many seconds, a keyframe in each."""
        path = self.folder / f"{recipe}-{seconds}s.flv"
        with path.with_suffix(".lock").open("w") as others:
            fcntl.flock(others, fcntl.LOCK_EX)
            if not path.exists():
                made = path.with_name(f"unfinished-{path.name}")
                _make(recipe, seconds, made)
                made.rename(path)
        return path

    async def made(self, recipe: str, seconds: int) -> Path:
        """The same, while other tasks go on: their time runs out while a loop waits for `get`."""
        return await trio.to_thread.run_sync(self.get, recipe, seconds)


def _make(recipe: str, seconds: int, path: Path) -> None:
    subprocess.run(
        [
            *(packets.current_ffmpeg(), "-v", "error", "-nostdin", "-y", *_RECIPES[recipe]),
            *("-t", str(seconds), "-f", "flv", str(path)),
        ],
        check=True,
        timeout=PUBLISH_S,
        # SVT-AV1 talks about itself whatever ffmpeg's log level is.
        stderr=subprocess.DEVNULL,
    )


@attrs.frozen
class Published:
    """How a publish ended."""

    encoder: Encoder
    source: Path
    muxed: Path
    """The file beside the publish: where the reference is, or can be made."""
    code: int
    said: str

    async def reference(self) -> Tracks:
        """What was sent, packet by packet, with the times it was sent with."""
        if not self.encoder.is_gstreamer:
            with trio.fail_after(PUBLISH_S):
                await trio.run_process(publish_command(self.encoder, self.source, str(self.muxed)))
        sent = await packets.read_tracks(self.source)
        muxed = await packets.read_tracks(self.muxed)
        assert _contents(muxed) == _contents(sent), f"{self.encoder.value} lost packets itself"
        return muxed


def _contents(tracks: Tracks) -> list[tuple[str, str, list[tuple[int, str]]]]:
    return sorted(
        (name.kind, name.codec, [(packet.size, packet.md5) for packet in track])
        for name, track in tracks.items()
    )


def publish_command(
    encoder: Encoder,
    source: Path,
    url: str,
    *,
    pace: float | None = None,
    tee: Path | None = None,
    authority: Path | None = None,
    announced: Sequence[str] = (),
) -> list[str]:
    """The command line that publishes a file without encoding it anew.

    Args:
        pace: 1 for real time, None for full speed; ffmpeg can do any other multiple.
        tee: where a GStreamer pipeline, which needs it, writes what its muxer put out.
        authority: whom ffmpeg trusts with the certificate of an rtmps:// address.
        announced: the FourCCs that the current ffmpeg names in `connect`; it sends them anyhow.
    """
    if not encoder.is_gstreamer:
        program = DEBIAN_FFMPEG if encoder is Encoder.DEBIAN_FFMPEG else packets.current_ffmpeg()
        trust = [] if authority is None else ["-tls_verify", "1", "-ca_file", str(authority)]
        enhanced = ["-rtmp_enhanced_codecs", ",".join(announced)] if announced else []
        paced = [] if pace is None else ["-readrate", f"{pace:g}"]
        return [
            *(program, "-v", "warning", "-nostdin", "-y", *paced, "-i", str(source)),
            *("-map", "0", "-c", "copy", "-f", "flv", *trust, *enhanced, url),
        ]
    # The authority of the tests is in no system's store.
    unverified = ["tls-validation-flags=0"] if url.startswith("rtmps:") else []
    sink = "rtmp2sink" if encoder is Encoder.RTMP2SINK else "rtmpsink"
    assert pace in {None, 1}, "GStreamer follows the clock, or does not"
    sync = "false" if pace is None else "true"
    return [
        *("gst-launch-1.0", "-q", "filesrc", f"location={source}", "!", "flvdemux", "name=demux"),
        # Neither sink writes anything sensible without `streamable`: a file's header would
        # have to be corrected at its end.
        *("flvmux", "name=mux", "streamable=true", "!", "tee", "name=tee"),
        *("demux.video", "!", "queue", "!", "h264parse", "!", "mux.video"),
        *("demux.audio", "!", "queue", "!", "aacparse", "!", "mux.audio"),
        *("tee.", "!", "queue", "!", "filesink", f"location={tee}", "sync=false"),
        *("tee.", "!", "queue", "!", sink, f"location={url}", f"sync={sync}", *unverified),
    ]


async def _kill(process: trio.Process) -> None:
    process.kill()
    await process.wait()


async def publish(
    encoder: Encoder,
    source: Path,
    url: str,
    muxed: Path,
    *,
    pace: float | None = None,
    authority: Path | None = None,
    announced: Sequence[str] = (),
    must_succeed: bool = True,
    within_s: float = PUBLISH_S,
) -> Published:
    """Publish a file and wait for the encoder to leave.

    Cancelled, the encoder is killed: to the program, a publisher that was lost. An encoder that
    is asked to stop would say good-bye.

    Args:
        muxed: a file of this publish, see `Published`.
        authority, announced: see `publish_command`.
        must_succeed: an encoder that leaves with an error fails the test.
        within_s: how long it may take; more where the source lasts longer at its pace.
    """
    with trio.fail_after(within_s):
        done = await trio.run_process(
            publish_command(
                encoder,
                source,
                url,
                pace=pace,
                tee=muxed,
                authority=authority,
                announced=announced,
            ),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            deliver_cancel=_kill,
        )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0 or not must_succeed, f"{encoder.value}: {said}"
    return Published(encoder, source, muxed, done.returncode, said)


class Ongoing:
    """A publish that goes on beside the test. Made by `begin`."""

    def __init__(self) -> None:
        self.began_s = 0.0
        """When the encoder was started, on the monotonic clock."""
        self._scope = trio.CancelScope()
        self._over = trio.Event()
        self._published: Published | None = None

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def kill(self) -> None:
        """As a power cut of the encoder: no good-bye."""
        self._scope.cancel()

    async def published(self) -> Published:
        """Wait for the encoder to leave by itself."""
        await self._over.wait()
        assert self._published is not None, "the encoder was killed"
        return self._published

    async def _run(self, publishing: Callable[[], Awaitable[Published]]) -> None:
        self.began_s = time.monotonic()
        with self._scope:
            self._published = await publishing()
        self._over.set()


def begin(
    nursery: trio.Nursery,
    source: Path,
    url: str,
    muxed: Path,
    *,
    pace: float | None = 1,
    must_succeed: bool = True,
    within_s: float = PUBLISH_S,
) -> Ongoing:
    """Publish a file with the current ffmpeg, in real time, beside the test; see `publish`."""
    ongoing = Ongoing()
    publishing = partial(
        publish,
        Encoder.CURRENT_FFMPEG,
        source,
        url,
        muxed,
        pace=pace,
        must_succeed=must_succeed,
        within_s=within_s,
    )
    nursery.start_soon(ongoing._run, publishing)
    return ongoing


def sent_by(source: Path, folder: Path) -> Published:
    """What the current ffmpeg would have sent of a file, had it come to the end."""
    return Published(
        Encoder.CURRENT_FFMPEG, source, folder / f"whole-{source.name}", code=0, said=""
    )
