"""The live side as the configuration wants it: rooms, and what every session shares.

A part of the app: builds, and gives each unfinished recording to who goes on with it. Decides
nothing.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING

import trio

from recorder import __version__
from recorder.amounts import count
from recorder.app_reload import titles_of
from recorder.app_settings import segment_rules
from recorder.live.challenges import Challenges
from recorder.live.house import House
from recorder.live.login_desk import LoginDesk
from recorder.live.reception import Reception
from recorder.live.rooms import Rooms
from recorder.logs import of_room
from recorder.recording.recovery_plan import DAMAGED_SEGMENTS
from recorder.recording.room_recorder import RoomRecorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.app_reload import Reloader
    from recorder.app_settings import Settings
    from recorder.clock import SystemClock
    from recorder.config import Config
    from recorder.live.attempts import Attempts
    from recorder.live.memory import MemoryBudget
    from recorder.recording.engine import Engine
    from recorder.recording.inheritance import Inheritance
    from recorder.recording.manifest import Segment
    from recorder.recording.recording import LiveRecording
    from recorder.recording.repairs import Repairs

log = logging.getLogger(__name__)

ENCODER = f"recorder {__version__}"
"""What files name as their maker."""

BACKLOG_SHARE = 7 / 8

CHALLENGE_KEY_BYTES = 32


def make_rooms(
    reloader: Reloader, engine: Engine, memory: MemoryBudget, clock: SystemClock, boot: str
) -> Rooms:
    """Every room, each recording by what is in force when it is asked."""
    config = reloader.config
    services = engine.services(
        clock,
        encoder=ENCODER,
        boot=boot,
        # Below the share that the memory of all leaves to each, so that a room whose disk fails
        # gives up its oldest before anybody has to stop reading (design §4).
        buffer_bytes=lambda: min(
            reloader.config.storage.buffer, int(memory.share_bytes * BACKLOG_SHARE)
        ),
    )

    def new_recorder(name: str) -> RoomRecorder:
        rules = segment_rules(reloader.config, name, clock)
        assert rules is not None, "reception admits only rooms of the configuration"
        return RoomRecorder(name, rules, services)

    return Rooms(
        titles_of(config),
        new_recorder,
        reconnect_window_s=config.recording.reconnect_window,
        limit=config.limits.rooms,
    )


def take_over(inheritance: Inheritance, config: Config, rooms: Rooms, repairs: Repairs) -> None:
    """Give every unfinished recording to who goes on with it: its room, or the repairs."""
    for name in inheritance.without_folder:
        repairs.forget(name)
    for each in inheritance.continued:
        is_room = config.any_room is not None or each.entry.room in config.rooms
        room = rooms.find(each.entry.room) if is_room else None
        # Where the disk came late somebody may publish already, and what he sent while it was away
        # begins a recording of its own.
        if room is None or room.in_use or not isinstance(room.recorder, RoomRecorder):
            repairs.recover(each.entry.folder)
            continue
        now_ms = int(trio.current_time() * 1000)
        recording = room.recorder.continue_recording(
            each.manifest,
            each.entry,
            last_file=each.last_file,
            began_ms=now_ms - each.continuation.began_ms,
            silent_since_ms=now_ms - each.continuation.silent_ms,
        )
        repairs.go_on_behind(
            each.entry.folder, each.last_file + 1, partial(_behind, room.name, recording)
        )
        of_room(log, room.name).info("recording %d continues", recording.number)
        room.wait(each.continuation.left_ms / 1000)
    for folder in inheritance.cut_off:
        repairs.recover(folder)


def _behind(room: str, recording: LiveRecording, rows: Sequence[Segment], damaged: int) -> None:
    """What was cut off of a recording that goes on is repaired, as far as that can be."""
    new = damaged - recording.manifest.counts.get(DAMAGED_SEGMENTS, 0)
    if new > 0:
        of_room(log, room).warning(
            "recording %d: of %s not all can be read, and what cannot is kept as *.damaged",
            recording.number,
            count(new, "part"),
        )
        recording.count({DAMAGED_SEGMENTS: new})
    recording.recovered(rows)


def make_house(
    settings: Settings, rooms: Rooms, engine: Engine, memory: MemoryBudget, attempts: Attempts
) -> House:
    """What every session shares."""
    config = settings.config
    return House(
        reception=Reception(
            access=settings.access,
            rooms=rooms,
            memory=memory,
            policy=config.rtmp.takeover,
            publishers=config.limits.publishers,
            viewing=settings.viewing,
            viewers=config.limits.viewers,
            disk_refusal=engine.guard.refusal,
            attempts=attempts,
            desk=LoginDesk(Challenges(os.urandom(CHALLENGE_KEY_BYTES)), os.urandom),
        ),
        memory=memory,
        next_hop=engine.writer.next_hop,
        timeouts=settings.timeouts,
        viewer_bytes=settings.viewer_bytes,
        random=os.urandom,
    )
