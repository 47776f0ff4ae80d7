"""Reload, part by part: the real parts in one house, without sockets and without a process.

What it is like with encoders and signals is tried in tests/real/test_reload.py.
"""

from __future__ import annotations

import logging
import shutil
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing
import trustme

from recorder.app_listeners import StartError
from recorder.app_reload import MOST_LOGGED, MOST_SHOWN, Parts, Reloader, say_fallback
from recorder.app_rooms import make_house, make_rooms
from recorder.app_settings import make_settings
from recorder.app_status import Started, open_status
from recorder.clock import SystemClock
from recorder.config import load
from recorder.config.changes import EFFECTS, LIVE
from recorder.config.last_good import LAST_GOOD_FILE, text_of
from recorder.live.access import Admitted, Refused
from recorder.live.attempts import Attempts
from recorder.live.audience import ViewerQueue
from recorder.live.listener import Door
from recorder.live.memory import MemoryBudget
from recorder.logs import Log
from recorder.recording.disk import OsDisk
from recorder.recording.engine import Retention, open_engine
from recorder.recording.retention.ledger import Ledger
from recorder.recording.room_recorder import RoomRecorder
from recorder.recording.storage import Storage, initialise
from recorder.recording.timed_disk import TimedDisk
from recorder.status.pages import Pages
from tests.helpers.certificates import write_certificate
from tests.helpers.changed_keys import CERTIFICATE, KEY, ONE_KEY, OTHER_KEY
from tests.helpers.program import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from recorder.config import Config
    from recorder.recording.actions import SegmentRules
    from recorder.status.snapshot import ConfigView

ROOMS = (
    f"rooms: {{a: {{key: {KEY}}}, b: {{key: {OTHER_KEY}, "
    "segments: {align_to_clock: true, duration: 1d}}}\n"
)
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def certificate(folder: Path) -> None:
    """Under the names of `CERTIFICATE`."""
    made = write_certificate(trustme.CA(), folder)
    for key, name in CERTIFICATE.items():
        shutil.move(made[key], folder / name)


@attrs.frozen
class Stage:
    """A recorder without listeners."""

    folder: Path
    reloader: Reloader
    parts: Parts
    storage: Storage
    ready: trio.MemoryReceiveChannel[None]

    async def reload(self, text: str) -> None:
        """Have this file read, and wait until it was."""
        write(self.folder, text)
        self.reloader.ask()
        await self.ready.receive()

    def rules(self, room: str) -> SegmentRules:
        found = self.parts.rooms.get(room)
        assert found is not None
        assert isinstance(found.recorder, RoomRecorder)
        return found.recorder._rules

    def copy(self) -> bytes | None:
        path = self.folder / "recordings/.recorder" / LAST_GOOD_FILE
        return text_of(path.read_bytes(), self.folder / "config.yaml") if path.exists() else None


@asynccontextmanager
async def staged(
    folder: Path, text: str = ROOMS, errors: tuple[str, ...] = (), **more: Any
) -> AsyncIterator[Stage]:
    """A start with this configuration, as `run` makes it where nobody is at a terminal."""
    config = load(write(folder, text))
    state = config.storage.directory / ".recorder"
    initialise(config.storage.directory, None, OsDisk())
    # Its clock is synchronised: the marker is there.
    clock, settings = SystemClock(marker=str(folder)), make_settings(config, may_lack_rtmps=True)
    send, ready = trio.open_memory_channel[None](1000)
    disk = TimedDisk()
    with Storage.open(config.storage.directory, None, disk) as storage:
        reloader = Reloader(
            config,
            errors,
            storage,
            state,
            settle=more.get("settle", lambda config: config),
            rtmps_off=settings.rtmps_off,
            is_stopping=more.get("is_stopping", lambda: False),
        )
        reloader.on_ready = lambda: send.send_nowait(None)
        async with open_engine(
            storage,
            clock,
            encoder="test",
            boot="boot-1",
            sync_interval_s=config.storage.sync_interval,
            on_good=lambda: None,
            retention=Retention(
                rules=settings.retention,
                ledger=Ledger(),
                state=state,
                live=list,
                believed_utc_ms=lambda: None,
                on_hold=lambda _: None,
            ),
        ) as engine:
            engine.begin((), 1)
            memory = MemoryBudget(config.limits.memory, lambda: 0)
            rooms = make_rooms(reloader, engine, memory, clock, "boot-1")
            attempts = Attempts()
            start = Started(
                listeners=[],
                pages=Pages({}),
                login_key=b"k",
                boot="boot-1",
                alarms=None,
                last_end=None,
                wear=[],
            )
            async with (
                open_status(
                    settings,
                    engine,
                    rooms,
                    memory,
                    clock,
                    attempts,
                    write_seconds=disk.seconds,
                    state=state,
                    start=start,
                    control=None,
                    on_picture=lambda _: None,
                    config_view=lambda: reloader.view,
                ) as page,
                trio.open_nursery() as nursery,
            ):
                house = make_house(settings, rooms, engine, memory, attempts)
                parts = Parts(
                    output=Log(()),
                    clock=clock,
                    engine=engine,
                    rooms=rooms,
                    memory=memory,
                    house=house,
                    door=Door(house, limit=config.limits.connections, tls=settings.rtmp_tls),
                    page=page,
                )
                nursery.start_soon(rooms.run)
                nursery.start_soon(reloader.run, parts)
                yield Stage(folder, reloader, parts, storage, ready)
                nursery.cancel_scope.cancel()


# --- every key that counts at once reaches the part that works with it --------


def _midnight(stage: Stage) -> int:
    """The hour, UTC, at which aligned files end."""
    boundary = stage.rules("b").boundary
    assert boundary is not None
    wait_ms = boundary()
    assert wait_ms is not None
    return round((stage.parts.clock.utc_ns() // 1_000_000 + wait_ms) / HOUR_MS) % 24


SEEN: dict[str, Callable[[Stage], object]] = {
    "storage.sync_interval": lambda it: it.parts.engine.writer.sync_interval_ms,
    "storage.stop_timeout": lambda it: it.reloader.config.storage.stop_timeout,
    "storage.buffer": lambda it: it.parts.rooms.all[0].recorder.figures(0).buffer_bytes,
    "segments.duration": lambda it: it.rules("a").duration_ms,
    "segments.size": lambda it: it.rules("a").size_bytes,
    "segments.align_to_clock": lambda it: it.rules("a").boundary is not None,
    "recording.max_duration": lambda it: it.rules("a").max_duration_ms,
    "recording.reconnect_window": lambda it: it.parts.rooms.all[0].reconnect_window_s,
    "recording.first_media_timeout": lambda it: it.parts.house.timeouts.first_media,
    "recording.idle_timeout": lambda it: it.parts.house.timeouts.idle,
    "retention.max_age": lambda it: it.parts.engine.watch.rules.of("a").max_age_ms,
    "retention.max_size": lambda it: it.parts.engine.watch.rules.max_bytes,
    "retention.min_free.size": lambda it: it.parts.engine.watch.rules.min_free_bytes,
    "retention.min_free.time": lambda it: it.parts.engine.watch.rules.min_free_ms,
    "retention.when_full": lambda it: it.parts.engine.watch.rules.deletes_oldest,
    "clock.trust": lambda it: it.parts.clock.is_always,
    "clock.timezone": _midnight,
    "rtmp.application": lambda it: it.parts.house.reception.access.application,
    "rtmp.takeover": lambda it: it.parts.house.reception.policy,
    "rtmp.max_delay": lambda it: it.parts.page.board.max_delay_s,
    "status.password": lambda it: it.parts.page.login.has_password,
    "status.public": lambda it: it.parts.page.site.is_public,
    "status.names": lambda it: it.parts.page.site.doors.names,
    "status.tls": lambda it: it.parts.page.server.tls is None,
    "limits.connections": lambda it: it.parts.door.limit,
    "limits.publishers": lambda it: it.parts.house.reception.publishers,
    "limits.viewers": lambda it: it.parts.house.reception.viewers,
    # Of both places where it counts: the larger one stands still as long as one of them does.
    "limits.clients": lambda it: max(
        it.parts.page.broadcast.most, it.parts.page.server.places.clients
    ),
    "limits.rooms": lambda it: it.parts.rooms._limit,
    "limits.memory": lambda it: it.parts.memory.limit_bytes,
    "log.level": lambda it: logging.getLogger().level,
}
ELSEWHERE = {"rtmp.tls.certificate", "rtmp.tls.private_key", "status.tls.certificate",
             "status.tls.private_key"}  # fmt: skip


def test_every_key_that_counts_at_once_is_looked_for() -> None:
    live = {key for key, effect in EFFECTS.items() if effect is LIVE}
    assert set(SEEN) | ELSEWHERE == {key for key in live if not key.startswith("rooms.*.")}


async def test_every_key_that_counts_at_once_reaches_its_part_and_no_other(
    tmp_path: Path,
) -> None:
    certificate(tmp_path)
    # Said, because what the root logger had before was pytest's choice.
    base = ROOMS + "log: {level: info}\n"
    async with staged(tmp_path) as stage:
        await stage.reload(base)
        for text, key in ONE_KEY:
            before = {name: see(stage) for name, see in SEEN.items()}
            await stage.reload(ROOMS + text if key.startswith("log.") else base + text)
            after = {name: see(stage) for name, see in SEEN.items()}
            changed = {name for name in SEEN if before[name] != after[name]}
            assert changed == ({key} if EFFECTS[key] is LIVE else set())
            assert stage.reloader.view.restart == (() if EFFECTS[key] is LIVE else (key,))
            await stage.reload(base)
            assert {name: see(stage) for name, see in SEEN.items()} == before


def test_every_key_of_a_room_is_tried_below() -> None:
    tried = {"key", "view_key", "title", "allow", "segments", "retention"}
    assert {f"rooms.*.{key}" for key in tried} == {
        key for key in EFFECTS if key.startswith("rooms.*.")
    }


async def test_rooms_and_what_stands_in_them_change(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        reception = stage.parts.house.reception
        await stage.reload(
            f"rooms: {{a: {{key: {OTHER_KEY}, title: Attic, segments: {{duration: 7s}}, "
            f"retention: {{max_age: 7d}}}}, "
            f"c: {{key: {KEY}, view_key: key-of-viewers-0123, allow: [10.2.0.0/16]}}, "
            '"*": {key: key-of-any-0123456789}}'
        )
        assert reception.access.identify("live", f"a/{KEY}", "") == Refused(
            "unknown room or wrong key"
        )
        for said, room in (
            (f"a/{OTHER_KEY}", "a"), (f"c/{KEY}", "c"), ("guest/key-of-any-0123456789", "guest")
        ):  # fmt: skip
            assert reception.access.identify("live", said, "") == Admitted(room)
        await trio.testing.wait_all_tasks_blocked()
        assert [(room.name, room.title) for room in stage.parts.rooms.all] == [
            ("a", "Attic"), ("c", None)
        ]  # fmt: skip
        assert reception.viewing.identify("live", "c/key-of-viewers-0123", "") == Admitted("c")
        assert reception.access.may_come_from("c", "10.2.3.4")
        assert not reception.access.may_come_from("c", "10.3.3.4")
        assert stage.rules("a").duration_ms == 7000
        record = logging.makeLogRecord({"msg": "key-of-any-0123456789 was said"})
        assert stage.parts.output.line_of(record).text == "*** was said"
        assert stage.rules("c").duration_ms == 600_000
        assert stage.parts.engine.watch.rules.of("a").max_age_ms == 7 * 24 * HOUR_MS
        # A guest is recorded by what is in force when it comes.
        assert stage.parts.rooms.find("guest") is not None
        assert stage.rules("guest").duration_ms == 600_000


async def test_a_renewed_certificate_is_read_though_no_key_has_changed(tmp_path: Path) -> None:
    certificate(tmp_path)
    files = "certificate: a.pem, private_key: b.pem"
    text = f"{ROOMS}status: {{tls: {{{files}}}}}\nrtmp: {{tls: {{{files}}}}}\n"
    async with staged(tmp_path, text) as stage:
        before = stage.parts.page.server.tls, stage.parts.door.tls
        assert None not in before
        await stage.reload(text)
        after = stage.parts.page.server.tls, stage.parts.door.tls
        assert None not in after
        assert not set(before) & set(after)


async def test_a_certificate_that_cannot_be_read_changes_nothing_at_all(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:

        def takeover() -> str:
            return stage.parts.house.reception.policy

        await stage.reload(
            f"{ROOMS}rtmp: {{takeover: never}}\n"
            "status: {public: true, tls: {certificate: a.pem, private_key: b.pem}}"
        )
        assert "status.tls: the certificate or its key cannot" in stage.reloader.view.errors[0]
        assert takeover() == "if-stale"
        assert not stage.parts.page.site.is_public
        await stage.reload(f"{ROOMS}rtmp: {{takeover: never}}\n")
        assert stage.reloader.view.errors == ()
        assert takeover() == "never"


async def test_rtmps_that_is_off_is_tried_with_every_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tls = "rtmp: {tls: {certificate: a.pem, private_key: b.pem}}\n"
    async with staged(tmp_path, f"{ROOMS}{tls}") as stage:

        def context() -> object:
            return stage.parts.door.tls

        def view() -> ConfigView:
            return stage.reloader.view

        def is_public() -> bool:
            return stage.parts.page.site.is_public

        assert "a.pem cannot be read" in str(view().rtmps_off)
        # What else is in the file comes into force, though the certificate does not.
        await stage.reload(f"{ROOMS}{tls}status: {{public: true}}\n")
        assert is_public()
        assert view().errors == ()
        assert "a.pem cannot be read" in str(view().rtmps_off)
        assert context() is None
        # It is not what a start should go back to.
        assert stage.copy() is None
        certificate(tmp_path)
        await stage.reload(f"{ROOMS}{tls}")
        assert view().rtmps_off is None
        assert context() is not None
        await eventually(lambda: stage.copy() is not None, what="the copy of a good file")
        # From here on it is like every certificate: what is on stays on.
        (tmp_path / "a.pem").unlink()
        await stage.reload(f"{ROOMS}{tls}status: {{public: true}}\n")
        assert "rtmp.tls: the certificate or its key" in view().errors[0]
        assert view().rtmps_off is None
        assert context() is not None
        assert not is_public()
    assert "RTMPS is off: the certificate or its key cannot be used" in caplog.text
    assert "RTMPS is on: its certificate can be used." in caplog.text


# --- who watches the page -----------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "is_sent_away"),
    [
        ("password: \"{one}\"", "password: \"{two}\"", True),
        ("public: true", "public: false", True),
        ("public: false", "public: true", False),
        ("password: \"{one}\"", "password: \"{one}\"", False),
    ],
)  # fmt: skip
async def test_who_watches_comes_in_again_where_that_may_be_refused_now(
    tmp_path: Path, before: str, after: str, is_sent_away: bool
) -> None:
    hashes = {"one": f"scrypt$14$8$1${'a' * 22}${'b' * 43}=",
              "two": f"scrypt$14$8$1${'a' * 22}${'c' * 43}="}  # fmt: skip
    text = ROOMS + "status: {%s}"
    async with staged(tmp_path, text % before.format(**hashes)) as stage:
        viewer = stage.parts.page.broadcast.join(is_operator=False)
        assert viewer is not None
        with viewer:
            await viewer.next()
            await stage.reload(text % after.format(**hashes))
            assert (await viewer.next() is None) is is_sent_away


async def test_who_watches_a_room_leaves_where_another_may_watch_it_now(tmp_path: Path) -> None:
    text = "rooms: {{a: {{key: {}, view_key: {}}}}}\n"
    viewer_key, other_key = "key-of-viewers-0123", "key-of-others-01234"
    async with staged(tmp_path, text.format(KEY, viewer_key)) as stage:
        (room,) = stage.parts.rooms.all
        over: list[str] = []
        room.audience.join(ViewerQueue(1, 1 << 20, on_more=lambda: None, on_over=over.append))
        # The key of who publishes is not theirs.
        await stage.reload(text.format(OTHER_KEY, viewer_key))
        assert over == []
        await stage.reload(text.format(OTHER_KEY, other_key))
        assert over == ["who may watch it has changed"]
        assert not room.audience


# --- when and how often -------------------------------------------------------


async def test_what_is_asked_many_times_in_a_moment_is_read_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        begun: list[None] = []
        stage.reloader.on_reloading = lambda: begun.append(None)
        for _ in range(1000):
            stage.reloader.ask()
        await stage.ready.receive()
        await trio.testing.wait_all_tasks_blocked()
        assert len(begun) == 1
        # Asked while it reads: what was written since may not have been seen.
        stage.reloader.ask()
        await trio.testing.wait_all_tasks_blocked()
        stage.reloader.ask()
        await stage.ready.receive()
        await stage.ready.receive()
        assert len(begun) == 3


async def test_a_reload_that_comes_while_the_recorder_stops_changes_nothing(
    tmp_path: Path,
) -> None:
    stopping = trio.Event()
    async with staged(tmp_path, is_stopping=stopping.is_set) as stage:
        stage.reloader.on_reloading = stopping.set
        await stage.reload(f"{ROOMS}rtmp: {{takeover: never}}\n")
        assert stage.parts.house.reception.policy == "if-stale"


async def test_nobody_is_told_of_a_reload_once_the_recorder_stops(tmp_path: Path) -> None:
    told: list[str] = []
    async with staged(tmp_path, is_stopping=lambda: True) as stage:
        stage.reloader.on_reloading = lambda: told.append("reloading")
        stage.reloader.ask()
        await settled()
    assert told == []


async def test_an_address_that_the_next_start_would_refuse_is_refused(tmp_path: Path) -> None:
    def settle(_: Config) -> Config:
        raise StartError("rtmp.listen says one thing, and systemd another.")

    async with staged(tmp_path, settle=settle) as stage:
        await stage.reload(f"{ROOMS}rtmp: {{takeover: never}}\n")
        assert "systemd another" in stage.reloader.view.errors[0]
        assert stage.parts.house.reception.policy == "if-stale"


async def test_a_fault_of_ours_is_said_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Path) -> None:
        raise ZeroDivisionError

    async with staged(tmp_path) as stage:
        with monkeypatch.context() as patched:
            patched.setattr("recorder.app_reload.load", broken)
            await stage.reload(ROOMS)
        assert "fault of the recorder" in stage.reloader.view.errors[0]
        assert "ZeroDivisionError" in caplog.text
        await stage.reload(ROOMS)
        assert stage.reloader.view.errors == ()


# --- what is said -------------------------------------------------------------


async def test_of_very_many_errors_the_page_shows_a_few_and_the_log_a_hundred(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.reload(ROOMS + "".join(f"bad{number}: 1\n" for number in range(1000)))
        errors = stage.reloader.view.errors
        assert len(errors) == MOST_SHOWN + 1
        assert errors[-1] == f"and {1000 - MOST_SHOWN} more"
        assert caplog.text.count("is no known key") == MOST_LOGGED
        assert f"... and {1000 - MOST_LOGGED} more" in caplog.text


async def test_no_key_is_ever_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "a-secret-that-nobody-may-see"
    async with staged(tmp_path) as stage:
        for text in (
            f"rooms: {{a: {{key: {secret}}}}}\n",
            f"rooms: {{a: {{key: {secret}}}, c: {{key: {secret}}}}}\n",
            f"rooms: {{a: {{key: [{secret}]}}}}\n",
            f"rooms: {{a: {{key: {secret}\n",
        ):
            await stage.reload(text)
        assert secret not in repr(stage.reloader.view)
    assert secret not in caplog.text


async def test_what_is_unwise_is_said_with_each_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.reload("rooms: {a: {key: short}}\n")
    assert "config.yaml:1: rooms.a.key: is shorter than 16 characters" in caplog.text


# --- the copy of the last good one --------------------------------------------


async def settled() -> None:
    """Whatever was to be written by now is written."""
    await trio.testing.wait_all_tasks_blocked()
    await trio.testing.wait_all_threads_completed()


async def copied(stage: Stage, text: str) -> None:
    await eventually(lambda: stage.copy() == text.encode(), what="the copy")


async def test_what_has_run_is_kept_for_nobody_else_to_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await copied(stage, ROOMS)
        found = (tmp_path / "recordings/.recorder" / LAST_GOOD_FILE).stat()
        assert stat.S_IMODE(found.st_mode) == 0o600
        better = f"{ROOMS}rtmp: {{takeover: never}}\n"
        await stage.reload(better)
        await copied(stage, better)


async def test_neither_a_bad_file_nor_one_that_waits_for_a_restart_is_kept(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await copied(stage, ROOMS)
        await stage.reload("rooms: 7\n")
        await stage.reload(ROOMS + "state: elsewhere\n")
        await settled()
        assert stage.copy() == ROOMS.encode()


async def test_what_was_fallen_back_on_is_not_kept_as_what_the_file_says(tmp_path: Path) -> None:
    async with staged(tmp_path, errors=("config.yaml:1: x",)) as stage:
        await settled()
        assert stage.copy() is None
        views = [stage.reloader.view]
        await stage.reload(ROOMS)
        views.append(stage.reloader.view)
        assert [view.is_last_good for view in views] == [True, False]
        await copied(stage, ROOMS)


async def test_a_copy_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    files = set[int]()
    for _ in range(2):
        async with staged(tmp_path) as stage:
            await copied(stage, ROOMS)
            await settled()
            files.add((tmp_path / "recordings/.recorder" / LAST_GOOD_FILE).stat().st_ino)
    assert len(files) == 1


async def test_under_systemd_it_lies_where_it_is_found_without_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "var"
    state.mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", f"{state}:/elsewhere")
    async with staged(tmp_path):
        await eventually((state / LAST_GOOD_FILE).exists, what="the copy")


async def test_a_state_folder_that_takes_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "missing"))
    async with staged(tmp_path) as stage:
        await stage.reload(ROOMS)
        await eventually(lambda: "No copy of this configuration" in caplog.text, what="the warning")


def test_a_start_with_the_last_good_one_says_so_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = load(write(tmp_path, ROOMS))
    say_fallback(config, ())
    assert caplog.records == []
    say_fallback(config, ("config.yaml:3: a: is no known key",))
    assert [each.levelname for each in caplog.records] == ["ERROR", "CRITICAL"]
