"""Every bound that a peer can touch, and our own settings of the same kind.

One frozen object, so that a test can make any of them small. Each number says why it is that
number; the surveys of other servers are in protocol §2.8.
"""

from __future__ import annotations

from typing import Final

import attrs

from recorder.amf import AmfLimits

UNLIMITED: Final = 1 << 62
"""More bytes than any connection carries."""

HANDLED_STEPS: Final = 2
"""Of a message that is no media, beside its header: it may be answered."""

DECODED_BYTES: Final = 4
"""Of AMF, for a step more. A value may have one byte, but one that has no more is soon read."""


@attrs.frozen(kw_only=True)
class Limits:
    """The bounds of one connection."""

    message_bytes: int = 0xFF_FFFF
    """One video or aggregate message: what its 24-bit length field can say. 4K keyframes exceed
    the 1 MiB of nginx-rtmp; whoever may publish is bounded by `partial_bytes` and by the room."""

    audio_bytes: int = 1 << 20
    """One audio message. The largest real ones are PCM, some tens of KiB."""

    command_bytes: int = 1 << 20
    """One command, data, shared object or control message. Commands are some hundred bytes,
    metadata with an index some tens of KiB; decoding costs time, so this is not media's bound."""

    partial_bytes: int = 32 << 20
    """All unfinished messages together, as far as received: two of the largest. Memory is taken by
    received bytes only, never by a declared length."""

    player_bytes: int = 256 << 10
    """The same of who plays and does not publish: as much as a stranger may send. A command of it
    has some hundred bytes."""

    player_messages: int = 3_000
    """Commands, control messages and those of unknown types that may come in a burst of who plays
    or has ended its publish, before the application allows more as time passes: two tenths of a
    second of work. A player has said all in ten, and acknowledges a few times a second."""

    player_message_bytes: int = 64
    """Such a message counts once more for each so many bytes: each may be a value, or a chunk."""

    chunk_streams: int = 64
    """Chunk streams with state. Real senders use up to 8; nginx-rtmp stops at 32, and comparing
    the number itself instead of the count broke an encoder that begins at 64 (nginx-rtmp #246)."""

    bytes_before_publish: int = 256 << 10
    """Everything behind the handshake until the first publish is accepted: strangers get no more.
    A connect with all its keys is below 2 KiB."""

    messages_before_publish: int = 1_000
    """All messages until the first publish is accepted. The bytes alone would let a stranger send a
    quarter of a million empty ones, half a second of parsing; a real client sends about ten."""

    data_messages: int = 3_000
    """Data messages that may come in a burst, before the application allows more as time passes: a
    minute of OBS, which sends a second audio track in 47 of them a second (§5.7). Each is decoded
    and encoded anew, which costs more than media does; so a long one counts for several."""

    data_bytes: int = 2048
    """A data message counts once more for each so many bytes: it is decoded, and each byte may be a
    value. The longest frame of a second audio track, of stereo AAC, has 1536 bytes."""

    steps_at_once: int = 4096
    """How much is done before `next_event` lets others have a turn: a header of a chunk is a step,
    so is a tag of an aggregate; what is no media costs a few more. About ten milliseconds. A MiB of
    headers without a body, which makes no event, would take two seconds."""

    publishing_streams: int = 16
    """NetStreams publishing at once. FMLE multi-bitrate uses 3 (SRS #545)."""

    stray_bytes: int = 4 << 20
    """Media for a stream that is not publishing, since the last accepted publish. Some seconds of
    it come after every refusal and every end from our side, before the peer notices; firmware that
    never notices is cut off here (dji-sdk #1163)."""

    unsent_bytes: int = 64 << 10
    """Answers not taken by `data_to_send`. A whole session causes below 4 KiB of them."""

    name_chars: int = 1024
    """Application, tcUrl and stream name: they identify, so they are refused beyond this, never
    cut. With Adobe authentication real ones reach about 300."""

    text_chars: int = 128
    """All other text from a peer is cut to this (design promise 10)."""

    described_values: int = 512
    """Values of a connect command object that are kept for the application. Real ones have 5 to 60,
    lists of FourCCs included."""

    amf: AmfLimits = attrs.field(factory=AmfLimits)
    """The bounds of decoding data messages."""

    command_amf: AmfLimits = attrs.field(factory=AmfLimits.for_commands)
    """The bounds of decoding commands, which strangers send."""

    chunk_size: int = 65536
    """What we announce with Set Chunk Size. ffmpeg copies it for its own sending (§2.5), so a large
    one makes our input cheap; above 64 KiB nothing is gained any more."""

    window_bytes: int = 2_500_000
    """The window we announce, and the one we acknowledge by when the peer announces a larger one
    (§2.5)."""


DEFAULT_LIMITS: Final = Limits()
"""What every connection has that says nothing else."""
