"""What a scrape shows beside the snapshot: what has happened, and how long it took.

Values, as of the moment of a scrape. Counts never fall while the process lives; Prometheus makes
rates of them. The keys of each mapping are words of a closed list, or rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.histogram import Buckets


@attrs.frozen(kw_only=True)
class RoomCounters:
    """Of one room since the start of the process.

    Attributes:
        received_bytes: all that publishers have sent into it.
        frames: by kind: `video`, `audio`.
        clock_jumps: of encoders' times.
        segments: by how they ended: `complete`, `recovered`, `suspect`, `aborted`.
        segment_bytes: of those that have ended; `segment_seconds` how long they are.
        dropped_bytes: media that are in no file, by why (`buffer`, `policy`).
        queue_seconds: how long the oldest media wait now that are not in a file.
        takeovers: how often an encoder took the place of another.
    """

    received_bytes: int = 0
    frames: Mapping[str, int] = attrs.Factory(dict)
    clock_jumps: int = 0
    segments: Mapping[str, int] = attrs.Factory(dict)
    segment_bytes: int = 0
    segment_seconds: Buckets | None = None
    gaps: int = 0
    dropped_bytes: Mapping[str, int] = attrs.Factory(dict)
    queue_seconds: float = 0.0
    takeovers: int = 0


@attrs.frozen(kw_only=True)
class Counters:
    """What has happened since the start of the process, and not only what is.

    Attributes:
        rooms: by name.
        write_errors: by errno (`ENOSPC`, `EIO`, `EROFS`, `other`).
        write_seconds: how long calls took, by the kernel's name of the call.
        deleted_bytes: by why retention took them (the words of manifests).
        blocked: what keeps retention from what its rules want (`limit`, `clock`, `locked`).
        others_bytes: recordings that nobody keeps, as of the last sweep; None: not known.
        refused: publishes, by why (`key`, `login`, `address`, `application`, `busy`, `limit`).
        publishes: by room and by what came of it (`ok`, `auth`, `busy`, `limit`, `protocol`).
        connections: that there are now: `rtmp`; `http`, with those of WebSockets.
        rejected: connections, by why (`limit`, `crowded`, `page`, `clients`).
        clock_steps: so often the wall clock was set.
        lag_seconds: how late the event loop was, about once a second.
    """

    rooms: Mapping[str, RoomCounters] = attrs.Factory(dict)
    write_errors: Mapping[str, int] = attrs.Factory(dict)
    write_seconds: Mapping[str, Buckets] = attrs.Factory(dict)
    deleted_bytes: Mapping[str, int] = attrs.Factory(dict)
    blocked: Mapping[str, bool] = attrs.Factory(dict)
    others_bytes: int | None = None
    refused: Mapping[str, int] = attrs.Factory(dict)
    publishes: Mapping[tuple[str, str], int] = attrs.Factory(dict)
    connections: Mapping[str, int] = attrs.Factory(dict)
    rejected: Mapping[str, int] = attrs.Factory(dict)
    clock_steps: int | None = None
    lag_seconds: Buckets | None = None
