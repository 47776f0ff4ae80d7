"""What one media message holds, said in one word per track.

`codecs.classify` answers with these values. They are shared, never built per message: a stream
repeats a handful of them some hundred times a second.
"""

from enum import Enum
from functools import lru_cache

import attrs


class Role(Enum):
    """What a message is to its track. Only `FRAME` and `EMPTY` move a track's clock."""

    SEQUENCE_START = "sequence start"
    """A decoder configuration. Its record may be empty (`codecs.config_record`)."""
    FRAME = "frame"
    SEQUENCE_END = "sequence end"
    METADATA = "metadata"
    """Enhanced video metadata, such as colorInfo: state of the track, not script data.
    ffmpeg 9 sends that of track 1 as track 0's, with the codec of track 1."""
    MULTICHANNEL_CONFIG = "multichannel configuration"
    COMMAND = "command"
    """A seek marker for players: one byte, no codec, no picture."""
    EMPTY = "empty"
    """A frame tag without a frame in it, or a message of no bytes (silence)."""
    UNKNOWN = "unknown"
    """Damaged, or in no format we know. `Part.codec` names what could be read."""


@attrs.frozen
class Part:
    """One track's share of one media message."""

    track: int
    """Track id; 0 is the default track, and the only one without multitrack."""
    role: Role
    codec: str
    """FourCC as text, a word for a legacy codec, or "" where the message names none."""
    keyframe: bool
    """True only for a coded video keyframe: a frame that a segment can begin with."""


# Bounded because the peer chooses tracks and codecs: 256 tracks times the roles of two codecs.
@lru_cache(maxsize=4096)
def part(track: int, role: Role, codec: str, *, keyframe: bool = False) -> Part:
    """The shared `Part` with these values."""
    return Part(track, role, codec, keyframe)
