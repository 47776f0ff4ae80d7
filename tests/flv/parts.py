"""What is expected of a message: its parts."""

from __future__ import annotations

from recorder.flv.codecs import Part, Role, classify

VIDEO_FOURCCS = ("vp08", "vp09", "av01", "avc1", "hvc1", "vvc1")
AUDIO_FOURCCS = ("ac-3", "ec-3", "Opus", ".mp3", "fLaC", "mp4a")


def only(kind: int, body: bytes) -> Part:
    (part,) = classify(kind, body)
    return part


def part(role: Role, codec: str, *, track: int = 0, keyframe: bool = False) -> Part:
    return Part(track, role, codec, keyframe)
