"""Every address of the page's port, asked of the real program by everybody who may come.

The table is the promise: who is not logged in learns nothing but that the recorder is well, who may
look cannot act. Bad input is with the bad neighbours (`visitors`).
"""

from __future__ import annotations

import http.client
import json
import re
from contextlib import AsyncExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers.encoders import Encoder, publish
from tests.helpers.endpoints import ENDPOINTS, FILE
from tests.helpers.program import CHECKOUT, eventually, run_recorder
from tests.real import raw
from tests.real.visitors import BASIC, HOST, PASSWORD, STATUS, UPGRADE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.program import Recorder

pytestmark = pytest.mark.real

BY_BASIC = {"Authorization": BASIC.decode().partition(": ")[2].strip()}


@attrs.frozen
class Said:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    recorder: Recorder, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> Said:
    """One request as a page of the recorder makes it. Blocking."""
    place = recorder.page.removeprefix("http://")
    with closing(http.client.HTTPConnection(place, timeout=10)) as connection:
        connection.request(method, path, body, {"Origin": recorder.page, **headers})
        answer = connection.getresponse()
        return Said(answer.status, dict(answer.getheaders()), answer.read())


def ask_for_all(recorder: Recorder, path: str, headers: dict[str, str], who: int) -> list[str]:
    """Which answers are not those of the table, in words. Blocking."""
    wrong = []
    for endpoint, statuses in ENDPOINTS.items():
        method, _, address = endpoint.partition(" ")
        said = ask(recorder, method, address.format(path=path), headers)
        if said.status != statuses[who]:
            wrong.append(f"{endpoint}: {said.status}, not {statuses[who]}: {said.body!r}")
        if "Content-Security-Policy" not in said.headers:
            wrong.append(f"{endpoint}: without the headers of every answer")
    return wrong


def ask_for_ranges(recorder: Recorder, path: str) -> list[tuple[int, int]]:
    """Status and length of the answer for the whole file, a part of it, and one behind its end.
    Blocking."""
    answers = []
    for ranges in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=999999999999-"}):
        said = ask(recorder, "GET", FILE.format(path=path), {**BY_BASIC, **ranges})
        answers.append((said.status, len(said.body) if said.status < 300 else 0))
    return answers


def names_of_the_manual() -> dict[str, bool]:
    """Every metric that the manual names, and whether it is there from the first scrape on."""
    text = (CHECKOUT / "systemd/monitoring/README.md").read_text()
    return {
        name: there == "always"
        for name, there in re.findall(r"(?m)^\| `(rec_\w+)` .*\| (\w+) \|$", text)
    }


def check_metrics(recorder: Recorder) -> None:
    """What Prometheus is told behind a publish: all that the manual promises, and what the publish
    has brought. Blocking."""
    said = ask(recorder, "GET", "/metrics", BY_BASIC)
    families = list(text_string_to_metric_families(said.body.decode()))
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        # One without a sample says nothing.
        if family.samples and family.name.startswith("rec_")
    }
    promised = names_of_the_manual()
    assert names <= promised.keys()
    assert {name for name, is_always in promised.items() if is_always} <= names
    for sample in (
        ("rec_publish_total", "hall", "ok"),
        ("rec_segments_total", "complete", "hall"),
        ("rec_segment_duration_seconds_count", "hall"),
        ("rec_segment_bytes_total", "hall"),
        ("rec_stream_received_bytes_total", "hall"),
        ("rec_stream_frames_total", "hall", "video"),
        ("rec_write_duration_seconds_count", "fdatasync"),
        ("rec_write_duration_seconds_count", "link"),
        ("rec_event_loop_lag_seconds_count",),
        ("rec_connections", "http"),
    ):
        assert samples[sample] > 0, sample
    assert samples["rec_stream_dropped_bytes_total", "buffer", "hall"] == 0


def cookie_of(recorder: Recorder) -> dict[str, str]:
    """What a login gives. Blocking."""
    said = ask(recorder, "POST", "/api/v1/login", {}, json.dumps({"password": PASSWORD}).encode())
    assert said.status == 200
    return {"Cookie": said.headers["Set-Cookie"].partition(";")[0]}


@pytest.mark.parametrize("is_public", [False, True], ids=["with a login only", "public"])
async def test_every_address_answers_everybody_as_it_should(
    is_public: bool, sources: Sources, tmp_path: Path
) -> None:
    source = sources.get("h264-aac", 5)
    async with run_recorder(tmp_path, ["hall"], status={**STATUS, "public": is_public}) as recorder:
        await publish(Encoder.CURRENT_FFMPEG, source, recorder.url("hall"), tmp_path / "sent.flv")
        recording = await recorder.ended("hall")
        path = recording.folder.relative_to(recorder.storage).as_posix()

        async def wrong(headers: dict[str, str], who: int) -> list[str]:
            return await trio.to_thread.run_sync(partial(ask_for_all, recorder, path, headers, who))

        assert await wrong({}, 1 if is_public else 0) == []
        # A cookie that is none, and a wrong password, are nobody's.
        cookie = await trio.to_thread.run_sync(cookie_of, recorder)
        forged = cookie["Cookie"].partition("=")[0] + "=9999999999.0123"
        assert await wrong({"Cookie": forged}, 1 if is_public else 0) == []
        # What is served stands in the catalogue, which is written behind the recording.
        await eventually(
            lambda: ask(recorder, "HEAD", FILE.format(path=path), BY_BASIC).status == 200,
            what="the file is in the catalogue",
        )
        ranges = await trio.to_thread.run_sync(ask_for_ranges, recorder, path)
        size = (recording.folder / "0001.flv").stat().st_size
        assert ranges == [(200, size), (206, 10), (416, 0)]
        await eventually(
            lambda: (
                b"\nrec_event_loop_lag_seconds_count 0.0\n"
                not in ask(recorder, "GET", "/metrics", BY_BASIC).body
            ),
            what="the loop is looked at, which is done once a second",
        )
        await trio.to_thread.run_sync(check_metrics, recorder)
        assert await wrong(BY_BASIC if is_public else cookie, 2) == []
        await recorder.stop()
    assert recorder.recordings("hall") == []
    assert PASSWORD not in recorder.log


CROWD = 200
"""More than there are places; each from an address of its own, and each looks before it stays."""


async def status_of(stream: trio.SocketStream, request: bytes) -> bytes:
    """Of the answer to a request; empty: there was none."""
    with trio.fail_after(10):
        try:
            await stream.send_all(request + b"\r\n")
            return bytes(await stream.receive_some(12))[9:]
        except trio.BrokenResourceError:
            return b""


async def test_a_crowd_that_only_looks_keeps_no_operator_out(tmp_path: Path) -> None:
    looks = b"GET /api/v1/session HTTP/1.1\r\n" + HOST
    watches = UPGRADE.replace(BASIC, b"")
    async with (
        run_recorder(tmp_path, ["hall"], status={**STATUS, "public": True}) as recorder,
        AsyncExitStack() as crowd,
    ):

        async def come(number: int, request: bytes) -> tuple[trio.SocketStream, bytes]:
            port = int(recorder.page.rpartition(":")[2])
            address = f"127.1.{number >> 8}.{number & 255}"
            stream = await crowd.enter_async_context(await raw.connect_from(port, address))
            return stream, await status_of(stream, request)

        tablet, opened = await come(1, watches)
        assert opened == b"101"
        watching = [await come(number, watches) for number in range(2, 50)]
        assert [status for _, status in watching].count(b"101") == 31
        for number in range(50, 50 + CROWD):
            await come(number, looks)
        # An operator is let in, sees pictures at once, and stays.
        operator, opened = await come(1000, UPGRADE)
        assert opened == b"101"
        _, answered = await come(1001, b"GET /api/v1/recordings HTTP/1.1\r\n" + HOST + BASIC)
        assert answered == b"200"
        for number in range(300, 350):
            await come(number, looks)
        # So does who has looked for long.
        async with trio.open_nursery() as nursery:
            for stream in (operator, tablet):
                nursery.start_soon(watch, stream)


async def watch(stream: trio.SocketStream) -> None:
    """Longer than three pictures take; whoever is sent away hears it within one."""
    with trio.move_on_after(3.5):
        while True:
            assert await stream.receive_some(65536)
