"""RTMPS with real encoders: what they send is recorded as over RTMP, and a certificate that is no
good, or no longer, is the encoder's word and a line of the log."""

from __future__ import annotations

import datetime as dt
import json
import signal
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from tests.helpers.certificates import write_certificate
from tests.helpers.encoders import Encoder, publish
from tests.helpers.ports import free_port
from tests.helpers.program import command, key_of, run_recorder
from tests.real.checks import check_recording

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Published, Sources
    from tests.helpers.program import Recorder

pytestmark = pytest.mark.real

SECONDS = 7
RELOADED = "The configuration was reloaded: "
ENCODERS = [Encoder.CURRENT_FFMPEG, Encoder.DEBIAN_FFMPEG, Encoder.RTMP2SINK]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    """The authority's own certificate, as an encoder is given it."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


def over_tls(authority: trustme.CA, folder: Path) -> dict[str, object]:
    tls = {"listen": [f"127.0.0.1:{free_port()}"], **write_certificate(authority, folder)}
    return {"tls": tls}


def url(recorder: Recorder, room: str) -> str:
    (address,) = recorder.config["rtmp"]["tls"]["listen"]
    return f"rtmps://{address}/live/{room}?key={key_of(room)}"


async def knock(recorder: Recorder, trusted: Path, source: Path) -> Published:
    """Publish with an ffmpeg that looks at the certificate, whatever comes of it."""
    muxed = recorder.folder / "muxed.flv"
    return await publish(
        *(Encoder.CURRENT_FFMPEG, source, url(recorder, "hall"), muxed),
        authority=trusted,
        must_succeed=False,
    )


@pytest.mark.debian
@pytest.mark.parametrize("pace", [None, 1])
async def test_every_encoder_is_recorded_over_tls_packet_for_packet(
    sources: Sources, tmp_path: Path, authority: trustme.CA, trusted: Path, pace: float | None
) -> None:
    rooms = [encoder.name.lower() for encoder in ENCODERS]
    source = sources.get("h264-aac", SECONDS)
    async with run_recorder(tmp_path, rooms, rtmp=over_tls(authority, tmp_path)) as recorder:
        assert recorder.matching(r"listens on 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+ \(RTMPS\)")

        async def one(encoder: Encoder, room: str) -> None:
            muxed = tmp_path / f"sent-{room}.flv"
            published = await publish(
                encoder, source, url(recorder, room), muxed, pace=pace, authority=trusted
            )
            await check_recording(await recorder.ended(room), published)

        async with trio.open_nursery() as nursery:
            for encoder, room in zip(ENCODERS, rooms, strict=True):
                nursery.start_soon(one, encoder, room)
        await recorder.stop()


async def test_a_certificate_that_has_expired_is_refused_until_a_reload_reads_another(
    sources: Sources, tmp_path: Path, authority: trustme.CA, trusted: Path
) -> None:
    """By the encoder, and the log says so; whoever publishes meanwhile notices nothing."""
    rtmp = over_tls(authority, tmp_path)
    source = sources.get("h264-aac", SECONDS)
    async with run_recorder(tmp_path, ["hall", "lab"], rtmp=rtmp) as recorder:

        async def reload() -> None:
            before = len(recorder.matching(RELOADED))
            recorder.send(signal.SIGHUP)
            await recorder.line(RELOADED, count=before + 1)

        async def lesson() -> None:
            muxed = tmp_path / "lab.flv"
            published = await publish(
                *(Encoder.CURRENT_FFMPEG, source, url(recorder, "lab"), muxed),
                pace=1,
                authority=trusted,
            )
            await check_recording(await recorder.ended("lab"), published)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lesson)
            await recorder.line("lab: recording 1 began")
            write_certificate(authority, tmp_path, expires=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
            await reload()
            assert (await knock(recorder, trusted, source)).code != 0
            await recorder.line("127.0.0.1: TLS failed: .*certificate of rtmp.tls has expired")
            write_certificate(authority, tmp_path)
            await reload()
            published = await knock(recorder, trusted, source)
            assert published.code == 0, published.said
            assert not recorder.matching("lab: recording 1 ended")
        await check_recording(await recorder.ended("hall"), published)
        await recorder.stop()


async def alarms(recorder: Recorder) -> dict[str, str]:
    """What stands on the page, by its kind."""
    path = recorder.folder / "config.yaml"
    told = await command("status", "--once", "--json", "--config", path, cwd=recorder.folder)
    return {alarm["kind"]: alarm["text"] for alarm in json.loads(told.out)["alarms"]}


async def test_a_start_without_the_certificate_records_over_rtmp_and_over_both_when_it_is_mended(
    sources: Sources, tmp_path: Path, authority: trustme.CA, trusted: Path
) -> None:
    rtmp, source = over_tls(authority, tmp_path), sources.get("h264-aac", SECONDS)
    (tmp_path / "cert.pem").unlink()
    async with run_recorder(tmp_path, ["hall"], rtmp=rtmp) as recorder:
        assert recorder.matching(r"CRITICAL RTMPS is off: .*cert\.pem cannot be read")
        assert recorder.matching(r"listens on \S+, \S+ \(RTMPS is off\)")
        assert "cert.pem cannot be read" in (await alarms(recorder))["rtmps_off"]
        assert (await knock(recorder, trusted, source)).code != 0
        muxed = tmp_path / "over-rtmp.flv"
        published = await publish(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), muxed)
        await check_recording(await recorder.ended("hall"), published)
        write_certificate(authority, tmp_path)
        recorder.send(signal.SIGHUP)
        await recorder.line("RTMPS is on")
        # With the next picture.
        await recorder.line("Alarm cleared: Encoders set to rtmps")
        assert "rtmps_off" not in await alarms(recorder)
        published = await knock(recorder, trusted, source)
        assert published.code == 0, published.said
        await recorder.line("hall: recording 2 ended")
        await check_recording(recorder.recordings("hall")[1], published)


async def test_rtmp_at_the_port_for_rtmps_and_the_reverse_are_named(
    sources: Sources, tmp_path: Path, authority: trustme.CA, trusted: Path
) -> None:
    source = sources.get("h264-aac", SECONDS)
    async with run_recorder(tmp_path, ["hall"], rtmp=over_tls(authority, tmp_path)) as recorder:
        muxed = tmp_path / "muxed.flv"
        swapped = url(recorder, "hall").replace("rtmps", "rtmp")
        await publish(Encoder.CURRENT_FFMPEG, source, swapped, muxed, must_succeed=False)
        await recorder.line("RTMP without TLS on the port for RTMPS; set the encoder to rtmps://")
        swapped = recorder.url("hall").replace("rtmp:", "rtmps:")
        await publish(Encoder.CURRENT_FFMPEG, source, swapped, muxed, must_succeed=False)
        await recorder.line("set the encoder to rtmp://, or to the port of rtmp.tls")
        # Neither kept anybody out.
        published = await knock(recorder, trusted, source)
        assert published.code == 0, published.said
        await recorder.ended("hall")
