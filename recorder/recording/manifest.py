"""The manifest: what a recording is, in a file a person can read. The truth (design §2).

Owns the model of `recording.json` and its way to bytes and back. Pure. Whoever holds a `Manifest`
holds a true one: every value is checked when it is made, so reading cannot bring in what writing
would not have written, a file name with a slash above all. Reading is strict, down to unknown
keys: a manifest is rewritten whole, and what we do not know we would lose. Another set of fields
is another version.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

import attrs
import cattrs
from attrs.validators import ge, matches_re, optional
from cattrs.gen import make_dict_unstructure_fn

from recorder.recording import naming
from recorder.recording.actions import SegmentFacts, TrackFacts

VERSION = 1
LIVE = "live"

T = TypeVar("T")

_MOMENT = matches_re(re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII))
_SHA256 = matches_re(re.compile(r"[0-9a-f]{64}"))


class ManifestError(ValueError):
    """The bytes are no manifest of ours; the text says where and why."""


def _valid_if(
    test: Callable[[str], object],
) -> Callable[[Any, "attrs.Attribute[str]", str], None]:
    def check(_instance: Any, attribute: "attrs.Attribute[str]", value: str) -> None:
        if not test(value):
            raise ValueError(f"not a valid {attribute.name}: {value[:80]!r}")

    return check


def _final_name(text: str) -> bool:
    name = naming.parse_segment(text)
    return name is not None and not name.part


def _in_order(tracks: Iterable[TrackFacts]) -> tuple[TrackFacts, ...]:
    return tuple(tracks)


@attrs.frozen(kw_only=True)
class Client:
    """Who sent it: an address, and what the encoder calls itself (cleaned at entry).

    Attributes:
        publish_type: as the encoder called its publish: `live`, or `record` or `append`, which
            once told servers what to do with an older file. Here they change nothing. In the file
            only where it is another than `live`.
    """

    address: str
    software: str
    publish_type: str = LIVE

    @property
    def called(self) -> str:
        """For sentences: librtmp, and so GStreamer's `rtmpsink`, says nothing of itself."""
        return self.software or "an encoder that gives no name"


@attrs.frozen(kw_only=True)
class Gap:
    """A hole in the recording, before the segment that has it."""

    reason: str
    ms: int = attrs.field(validator=ge(0))


@attrs.frozen(kw_only=True)
class Segment:
    """One file.

    Attributes:
        start_ms: where in the recording its time 0 lies.
        sha256: of the whole file; None until computed.
        repaired: recovery cut it, or wrote its header.
        suspect: a sync of it failed, or it was read back where one had: bytes of it may not be
            what was sent, and nothing in the file tells.
        forced: begun without a keyframe.
        deleted: by retention; the file is gone, the row stays.
        reason: why it was begun.
    """

    file: str = attrs.field(validator=_valid_if(_final_name))
    start_ms: int = attrs.field(validator=ge(0))
    duration_ms: int = attrs.field(validator=ge(0))
    bytes: int = attrs.field(validator=ge(0))
    sha256: str | None = attrs.field(default=None, validator=optional(_SHA256))
    tracks: tuple[TrackFacts, ...] = attrs.field(default=(), converter=_in_order)
    gap: Gap | None = None
    repaired: bool = False
    suspect: bool = False
    forced: bool = False
    deleted: bool = False
    reason: str

    @classmethod
    def of(cls, index: int, facts: SegmentFacts, *, start_ms: int, reason: str) -> "Segment":
        """The row of a file with these facts, as its writer knows them or a scan found them."""
        return cls(
            file=naming.segment_name(index),
            start_ms=start_ms,
            duration_ms=facts.duration_ms,
            bytes=facts.size_bytes,
            tracks=facts.tracks,
            forced=facts.forced,
            reason=reason,
        )

    @property
    def index(self) -> int:
        """Its number in the recording, from 1."""
        name = naming.parse_segment(self.file)
        assert name is not None, "a row with another name is not made"
        return name.index

    @property
    def end_ms(self) -> int:
        """Where in the recording it ends."""
        return self.start_ms + self.duration_ms


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened while the recording went on, and changed nothing in it.

    Attributes:
        kind: "clock_step": the wall clock was set.
        at_ms: where in the recording.
        ms: of a step, its size; negative for one back.
    """

    kind: str
    at_ms: int = attrs.field(validator=ge(0))
    ms: int = 0


def _events(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(events)


@attrs.frozen(kw_only=True)
class Manifest:
    """One recording.

    Attributes:
        start, end: UTC by the wall clock, labels only; `end` None while it goes on.
        clock: whether the wall clock was believed at the start.
        counts: anomalies and corrections, by name.
        deleting: why the recording is being deleted, from before the first file goes; a file that
            is missing then is no loss. None: it is not.
    """

    version: int = VERSION
    room: str = attrs.field(validator=_valid_if(naming.is_room_name))
    number: int = attrs.field(validator=ge(1))
    start: str = attrs.field(validator=_MOMENT)
    end: str | None = attrs.field(default=None, validator=optional(_MOMENT))
    end_reason: str | None = None
    clock: Literal["trusted", "untrusted"]
    client: Client
    segments: tuple[Segment, ...] = ()
    events: tuple[Event, ...] = attrs.field(default=(), converter=_events)
    counts: dict[str, int] = attrs.field(factory=dict)
    deleting: str | None = None

    @property
    def duration_ms(self) -> int:
        """Up to where in the recording there is a segment."""
        return max((row.end_ms for row in self.segments), default=0)

    def to_json(self) -> bytes:
        """The file's bytes: one line per field and per segment."""
        lines = [
            f"{_dumps(name)}: {_dumps(value)}"
            for name, value in _CONVERTER.unstructure(self).items()
            if name != "segments"
        ]
        # By hand, because json writes with C only without `indent`, and a long recording has
        # thousands of these; a line each is also what a person wants to see.
        rows = ",\n  ".join(_dumps(_CONVERTER.unstructure(segment)) for segment in self.segments)
        lines.append(f'"segments": [\n  {rows}\n ]' if rows else '"segments": []')
        text = "{\n " + ",\n ".join(lines) + "\n}\n"
        # A lone surrogate becomes the \\udcxx that JSON itself would write.
        return text.encode("utf-8", "backslashreplace")

    @classmethod
    def from_json(cls, data: bytes) -> "Manifest":
        """Read a manifest.

        Raises:
            ManifestError: and nothing else, whatever the bytes.
        """
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"not JSON: {error}") from error
        if not isinstance(raw, dict):
            raise ManifestError("not a JSON object")
        if raw.get("version") != VERSION:
            raise ManifestError(f"version {repr(raw.get('version'))[:20]}, expected {VERSION}")
        try:
            return _CONVERTER.structure(raw, cls)
        except cattrs.BaseValidationError as error:
            problems = cattrs.transform_error(error, "manifest", format_exception=_in_words)
            # Enough for a person; damage can give one for each of a thousand segments.
            raise ManifestError("; ".join(problems[:3])) from error


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _in_words(error: BaseException, kind: type | None) -> str:
    match error:
        case ValueError():
            # attrs adds the whole attribute behind its sentence.
            return str(error.args[0])
        case AttributeError():
            # What cattrs runs into where an object is wanted and there is none.
            return "expected an object"
        case TypeError() if kind is not None and attrs.has(kind):
            return "expected an object"
        case _:
            return cattrs.v.format_exception(error, kind)


def _exactly(kind: type[T]) -> Callable[[Any, Any], T]:
    """cattrs would take "false" for true and 1.9 for 1; a bool is no int here either."""

    def structure(value: Any, _type: Any) -> T:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
        return value

    return structure


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_CONVERTER.register_unstructure_hook(
    Client, make_dict_unstructure_fn(Client, _CONVERTER, _cattrs_omit_if_default=True)
)
for _kind in (int, bool, str):
    _CONVERTER.register_structure_hook(_kind, _exactly(_kind))
