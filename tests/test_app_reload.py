"""Reload, part by part: every key that counts at once reaches the part that works with it.

What it is like with encoders and signals is tried in tests/real/test_reload.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from recorder.config.changes import EFFECTS, LIVE
from recorder.live.access import Admitted, Refused
from recorder.live.audience import ViewerQueue
from tests.helpers.changed_keys import KEY, ONE_KEY, OTHER_KEY
from tests.helpers.program import eventually
from tests.helpers.reloading import ROOMS, Stage, certificate, staged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder.status.house_views import ConfigView


HOUR_MS = 3_600_000


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
            assert await viewer.next(lambda frame: False)
            await stage.reload(text % after.format(**hashes))
            assert await viewer.next(lambda frame: False) is not is_sent_away


async def test_who_watches_a_room_leaves_where_another_may_watch_it_now(tmp_path: Path) -> None:
    text = "rooms: {{a: {{key: {}, view_key: {}}}}}\n"
    viewer_key, other_key = "key-of-viewers-0123", "key-of-others-01234"
    async with staged(tmp_path, text.format(KEY, viewer_key)) as stage:
        (room,) = stage.parts.rooms.all
        over: list[str] = []
        room.audience.join(ViewerQueue(1, 1 << 20, lambda: None, over.append, lambda: True))
        # The key of who publishes is not theirs.
        await stage.reload(text.format(OTHER_KEY, viewer_key))
        assert over == []
        await stage.reload(text.format(OTHER_KEY, other_key))
        assert over == ["who may watch it has changed"]
        assert not room.audience
