"""What only counts: what the snapshot does not show, and Prometheus wants.

Values, as of the moment of a scrape. None of them falls while the process lives; Prometheus makes
rates of them. The keys of each mapping are words of a closed list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class RoomCounters:
    """Of one room since the start of the process; none of them ever falls.

    Attributes:
        received_bytes: all that publishers have sent into it.
        frames: by kind: `video`, `audio`.
        segments: by how they ended: `complete`, `recovered`, `suspect`, `aborted`.
        dropped_bytes: media that are in no file, by why (`buffer`, `policy`).
    """

    received_bytes: int = 0
    frames: Mapping[str, int] = attrs.Factory(dict)
    segments: Mapping[str, int] = attrs.Factory(dict)
    gaps: int = 0
    dropped_bytes: Mapping[str, int] = attrs.Factory(dict)


@attrs.frozen(kw_only=True)
class Counters:
    """What has happened since the start of the process, and not only what is.

    Attributes:
        rooms: by name.
        write_errors: by errno (`ENOSPC`, `EIO`, `EROFS`, `other`).
        deleted_bytes: by why retention took them (the words of manifests).
        refused: publishes, by why (`key`, `login`, `address`, `application`, `busy`, `limit`).
    """

    rooms: Mapping[str, RoomCounters] = attrs.Factory(dict)
    write_errors: Mapping[str, int] = attrs.Factory(dict)
    deleted_bytes: Mapping[str, int] = attrs.Factory(dict)
    refused: Mapping[str, int] = attrs.Factory(dict)
