"""What a configuration says, as the parts take it. A part of the app.

Owns the way from the file's words to the values that parts work with, the same at a start and at a
reload. Everything that can fail is made here, before anything is changed by it. Blocking: files of
certificates are read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs

from recorder import logs
from recorder.config import ConfigError
from recorder.config.document import Problem
from recorder.config.rules import split_address
from recorder.live.access import Access
from recorder.live.house import Timeouts
from recorder.recording.alignment import until_boundary_ms
from recorder.recording.retention.rules import rules_of
from recorder.recording.segmenter import SegmentRules
from recorder.status.doors import Doors
from recorder.tls import server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from recorder.clock import Clock
    from recorder.config import Config, RoomConfig, TlsConfig
    from recorder.live.access import Network
    from recorder.recording.retention.rules import Rules

log = logging.getLogger(__name__)


VIEWERS_SHARE: Final = 8
"""One part of so many of the memory is for what viewers have not taken yet: apart from the media
to be recorded, so that no viewer can cost a recording anything."""

VIEWER_BYTES: Final = 4 << 20
"""Some seconds of a classroom's camera; more would only be shown late."""


@attrs.frozen(kw_only=True)
class Settings:
    """A configuration, and all that has to be made of it.

    Attributes:
        viewing: who may watch.
        viewer_bytes: what may wait for one viewer; `media_bytes` for all publishers together.
        rtmp_tls: for the connections to `rtmp.tls.listen`; None: there are none.
        rtmps_off: why those are refused, in words: there is no such context although there should
            be; None: they are not.
        page_tls: for the page's connections; None: HTTP without it.
    """

    config: Config
    access: Access
    viewing: Access
    viewer_bytes: int
    media_bytes: int
    timeouts: Timeouts
    retention: Rules
    doors: Doors
    rtmp_tls: ssl.SSLContext | None
    rtmps_off: str | None
    page_tls: ssl.SSLContext | None


def make_settings(config: Config, *, may_lack_rtmps: bool = False) -> Settings:
    """Blocking.

    Args:
        may_lack_rtmps: a certificate for RTMPS that cannot be used is no error: encoders without
            TLS are recorded all the same. Nothing stands in for the page's: its password would
            travel in the clear.

    Raises:
        ConfigError: a file that the configuration names cannot be used.
    """
    rtmp_tls = _context(config.rtmp.tls, "rtmp")
    page_tls = _context(config.status.tls, "status")
    rtmps_off = rtmp_tls.reason if isinstance(rtmp_tls, Problem) and may_lack_rtmps else None
    problems = [each for each in (rtmp_tls, page_tls) if isinstance(each, Problem)]
    if len(problems) > (rtmps_off is not None):
        raise ConfigError(str(config.path), problems)
    for_viewers = config.limits.memory // VIEWERS_SHARE
    return Settings(
        config=config,
        access=Access(config.rooms, config.any_room, config.rtmp.application),
        viewing=_viewing(config),
        viewer_bytes=min(VIEWER_BYTES, for_viewers // config.limits.viewers),
        media_bytes=config.limits.memory - for_viewers,
        timeouts=Timeouts(
            first_media=config.recording.first_media_timeout, idle=config.recording.idle_timeout
        ),
        retention=rules_of(config),
        doors=Doors(
            hosts=frozenset(split_address(each)[0].lower() for each in config.status.listen),
            names=frozenset(each.lower() for each in config.status.names),
        ),
        rtmp_tls=None if isinstance(rtmp_tls, Problem) else rtmp_tls,
        rtmps_off=rtmps_off,
        page_tls=None if isinstance(page_tls, Problem) else page_tls,
    )


@attrs.frozen
class _ViewDoor:
    """A room as who watches meets it: by another key, and from the same addresses."""

    key: str = attrs.field(repr=False)
    allow: Sequence[Network]


def _viewing(config: Config) -> Access:
    doors = {name: _view_door(room) for name, room in config.rooms.items()}
    return Access(
        {name: door for name, door in doors.items() if door is not None},
        None if config.any_room is None else _view_door(config.any_room),
        config.rtmp.application,
        closed=[name for name, door in doors.items() if door is None],
    )


def view_door(config: Config, room: str) -> object | None:
    """What says who may watch a room, to be compared; None: nobody may."""
    found = config.rooms.get(room) or config.any_room
    return None if found is None else _view_door(found)


def _view_door(room: RoomConfig) -> _ViewDoor | None:
    return None if room.view_key is None else _ViewDoor(room.view_key, room.allow)


def _context(tls: TlsConfig | None, section: str) -> ssl.SSLContext | Problem | None:
    if tls is None:
        return None
    try:
        return server_context(tls.certificate, tls.private_key)
    except OSError as error:
        reason = (
            f"the certificate or its key cannot be used: {error}; give both as PEM files that the "
            "recorder's user can read"
        )
        return Problem(reason, (section, "tls"))


def segment_rules(config: Config, room: str, clock: Clock) -> SegmentRules | None:
    """When a room's segments end; None: it is not configured."""
    found = config.rooms.get(room) or config.any_room
    if found is None:
        return None
    duration_ms = int(found.segments.duration * 1000)

    def boundary() -> int | None:
        if not clock.trusted():
            log.warning(
                "Segments are not aligned to the clock: the system does not say that its clock is "
                "synchronised. If it is (chrony, an RTC), set clock.trust: always.",
                extra=logs.same("not aligned"),
            )
            return None
        return until_boundary_ms(clock.utc_ns(), duration_ms, config.clock.timezone)

    return SegmentRules(
        duration_ms=duration_ms,
        size_bytes=found.segments.size,
        max_duration_ms=int(config.recording.max_duration * 1000),
        boundary=boundary if found.segments.align_to_clock else None,
    )
