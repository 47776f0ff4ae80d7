"""The real program's log, as a program reads it: what concerns a room or a connection says so, no
peer writes a line of its own, and no key stands anywhere, nor in what `recorder diagnose` makes."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.media import aac_config, aac_frame, avc_config, avc_frame
from tests.helpers.program import command, key_of, run_recorder
from tests.helpers.rtmp_client import RtmpClient

if TYPE_CHECKING:
    from pathlib import Path

    import trio

    from tests.helpers.program import Recorder

pytestmark = pytest.mark.real

HOSTILE = "OBS\r\n2026-11-22 10:00:00,000 CRITICAL hall: all is lost\x1b[2J"
ROOMS = ["hall", "lab"]


class _Caller:
    """An encoder of a few frames."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._client = RtmpClient()
        self.name = "{}:{}".format(*stream.socket.getsockname()[:2])

    async def publish(self, name: str, *, seconds: int = 2) -> None:
        self._client.greet()
        self._client.connect(flashVer=HOSTILE)
        self._client.command("createStream", 4, None)
        self._client.publish(name)
        self._client.video(0, avc_config())
        self._client.audio(0, aac_config())
        for ms in range(0, seconds * 1000, 200):
            self._client.video(ms, avc_frame(key=ms % 1000 == 0, size=1000))
            self._client.audio(ms, aac_frame())
        await self._send()

    async def finish(self, name: str) -> None:
        self._client.finish(name)
        await self._send()

    async def _send(self) -> None:
        await self._stream.send_all(self._client.data_to_send())


async def _until(recorder: Recorder, text: str) -> None:
    await recorder.line(rf'"text": "{text}')


def _objects(recorder: Recorder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in recorder.lines]


async def test_room_and_connection_stand_on_every_line_and_no_key_in_any(tmp_path: Path) -> None:
    stream_name = f"hall?key={key_of('hall')}"
    async with run_recorder(
        tmp_path, ROOMS, log={"format": "json", "level": "debug"}, segments={"duration": "1s"}
    ) as recorder:
        async with await recorder.connect() as stream:
            refused = _Caller(stream)
            await refused.publish("hall?key=a-guessed-secret-key")
            await _until(recorder, "127.0.0.1: refused")
        async with await recorder.connect() as stream:
            lost = _Caller(stream)
            await lost.publish(stream_name)
            await _until(recorder, "hall: recording 1: 0001.flv closed")
        await _until(recorder, "hall: recording 1 waits")
        async with await recorder.connect() as stream:
            back = _Caller(stream)
            await back.publish(stream_name)
            await _until(recorder, "hall: recording 1: gap of ")
            await back.finish(stream_name)
            await _until(recorder, r"hall: recording 1 ended \(unpublished\)")
        told = await command("diagnose", "--config", tmp_path / "config.yaml", cwd=tmp_path)
        await recorder.stop()
    assert told.code == 0, told.err
    lines = _objects(recorder)
    for line in lines:
        assert set(line) - {"details"} == {
            "time", "level", "text", "room", "connection", "repeats",
        }  # fmt: skip
        is_hall = line["text"].startswith(("hall: ", "hall/", "Alarm raised: hall: "))
        assert line["room"] == ("hall" if is_hall or "refused" in line["text"] else None), line
        if "127.0.0.1: " in line["text"] or " publishes with " in line["text"]:
            assert line["connection"] in {refused.name, lost.name, back.name}, line
    of_hall = [(line["text"], line["connection"]) for line in lines if line["level"] != "debug"]
    assert [name for text, name in of_hall if " publishes with " in text] == [lost.name, back.name]
    assert [name for text, name in of_hall if "ended its publish" in text] == [back.name]
    assert HOSTILE.partition("\r")[0] in recorder.log
    assert "\x1b" not in recorder.log
    assert "secret" not in recorder.log
    parts = _unpacked(tmp_path)
    assert [room["name"] for room in json.loads(parts["status.json"])["rooms"]] == ROOMS
    for room in ROOMS:
        assert key_of(room) not in recorder.log
        assert key_of(room) not in "".join(parts.values())


def _unpacked(folder: Path) -> dict[str, str]:
    """The bundle of `recorder diagnose`."""
    (path,) = folder.glob("recorder-diagnosis-*.tar.gz")
    with tarfile.open(path) as archive:
        return {
            member.name.rpartition("/")[2]: content.read().decode()
            for member in archive.getmembers()
            if (content := archive.extractfile(member)) is not None
        }
