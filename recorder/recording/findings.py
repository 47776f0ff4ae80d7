"""What verification may find, in words, and which of it is damage.

Owns the kinds, the sentences a person reads, and what is concluded from a recording's names and
rows before any file is opened. Pure. Damage is what somebody recorded and cannot be had as it was;
everything else is told so that nobody wonders, and keeps no exit code from being 0.
"""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from recorder.recording import naming

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recorder.recording.manifest import Manifest


class Kind(StrEnum):
    UNREADABLE = "unreadable"
    """The disk does not give it."""
    MANIFEST = "manifest"
    """Missing, damaged, or of something else than what lies beside it."""
    MISSING = "missing"
    SIZE = "size"
    STRUCTURE = "structure"
    """It stops being FLV before its end."""
    HEADER = "header"
    """What the file says of itself is not so, or it does not begin as a file of ours does."""
    CHECKSUM = "checksum"
    UNMENTIONED = "unmentioned"
    """A segment without a row, and nobody is about to add one."""
    SET_ASIDE = "set aside"
    """Recovery could not read it and kept it."""
    UNFINISHED = "unfinished"
    """Cut off, and no start will look for it."""

    OPEN = "open"
    """Being recorded, or known to the next start."""
    SUSPECT = "suspect"
    NOT_HASHED = "not hashed"
    LEFT_OVER = "left over"
    """A name that means nothing any more."""

    @property
    def is_damage(self) -> bool:
        return self not in _NO_DAMAGE


_NO_DAMAGE = frozenset({Kind.OPEN, Kind.SUSPECT, Kind.NOT_HASHED, Kind.LEFT_OVER})


@attrs.frozen
class Finding:
    """One thing that was found.

    Attributes:
        text: a sentence about `file`, or about the recording where there is none.
        file: the name in the recording's folder.
        at_ms: where in the segment, by its own time, what can be played ends.
        at_byte: where in the file it breaks.
    """

    kind: Kind
    text: str
    file: str = ""
    at_ms: int | None = None
    at_byte: int | None = None

    @property
    def is_damage(self) -> bool:
        return self.kind.is_damage


def minute(ms: int) -> str:
    """A moment of a segment: `4:07`."""
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"


def why(error: OSError) -> str:
    """An error, and what to do about it."""
    if error.errno in (errno.EACCES, errno.EPERM):
        what = "run this as the user of the recorder, or as root"
    else:
        what = "check the disk and its cable or card"
    return f"({error.strerror or error}); {what}."


def unreadable(error: OSError, file: str = "") -> Finding:
    return Finding(Kind.UNREADABLE, f"cannot be read {why(error)}", file)


def unreadable_entry(error: OSError) -> Finding:
    text = f"is not finished, and its entry in .recorder/open cannot be read {why(error)}"
    return Finding(Kind.UNREADABLE, text)


def missing(file: str) -> Finding:
    return Finding(Kind.MISSING, "is in the manifest, and the file is missing.", file)


def of_manifest(manifest: Manifest, folder_name: str, *, is_open: bool) -> list[Finding]:
    """What a manifest that can be read tells by itself.

    Args:
        folder_name: of the recording's folder, which a copy may have changed.
        is_open: an entry names the recording.
    """
    found = []
    number = naming.parse_recording_folder(folder_name)
    if number is not None and number != manifest.number:
        text = f"is that of recording {manifest.number}, in the folder of recording {number}."
        found.append(Finding(Kind.MANIFEST, text, naming.MANIFEST_FILE))
    twice = len(manifest.segments) - len({row.index for row in manifest.segments})
    if twice:
        text = f"names {twice} segment{'s' if twice > 1 else ''} twice."
        found.append(Finding(Kind.MANIFEST, text, naming.MANIFEST_FILE))
    if is_open:
        text = "is being recorded, or is finished at the recorder's next start."
        found.append(Finding(Kind.OPEN, text))
    elif manifest.deleting is not None:
        text = "is being deleted; files that are missing are gone on purpose."
        found.append(Finding(Kind.OPEN, text))
    elif manifest.end is None:
        text = "was cut off, and no start will finish it; run `recorder recover` on it."
        found.append(Finding(Kind.UNFINISHED, text))
    for row in manifest.segments:
        if row.suspect:
            text = "is suspect: the disk failed while it was written, so parts of it may be wrong."
            found.append(Finding(Kind.SUSPECT, text, row.file))
    return found


def without_manifest(names: Iterable[str], *, is_open: bool) -> Finding:
    """A folder in which there is no manifest, with these names."""
    if is_open:
        text = (
            "has no manifest yet: the recorder was cut off at its start, and tidies up at its next."
        )
        return Finding(Kind.OPEN, text)
    if any(naming.parse_segment(name) for name in names):
        text = "is missing; run `recorder recover` on the recording, which makes it anew."
    else:
        text = "is missing, and so is everything else."
    return Finding(Kind.MANIFEST, text, naming.MANIFEST_FILE)


def damaged_manifest(why: str) -> Finding:
    text = f"is damaged ({why}); run `recorder recover` on the recording, which makes it anew."
    return Finding(Kind.MANIFEST, text, naming.MANIFEST_FILE)


def of_names(names: Iterable[str], manifest: Manifest | None, *, is_open: bool) -> list[Finding]:
    """What the names in a recording's folder tell beside its manifest."""
    there = set(names)
    rows = {} if manifest is None else {row.file: row for row in manifest.segments}
    found = []
    for name in sorted(there):
        segment = naming.parse_segment(name)
        if segment is None:
            if naming.is_set_aside(name):
                found.append(Finding(Kind.SET_ASIDE, _SET_ASIDE, name))
        elif segment.part:
            # Of a recording that was cut off it has been said already.
            if not is_open and (manifest is None or manifest.end is not None):
                found.append(_of_part(name, is_named=naming.segment_name(segment.index) in there))
        elif name in rows:
            if rows[name].deleted:
                text = "is marked as deleted, and the file is still there."
                found.append(Finding(Kind.LEFT_OVER, text, name))
        elif manifest is not None and not is_open:
            text = "is not in the manifest; run `recorder recover` on the recording, which adds it."
            found.append(Finding(Kind.UNMENTIONED, text, name))
    return found


_SET_ASIDE = "could not be read by recovery and was kept; when nobody needs it, remove it."


def _of_part(name: str, *, is_named: bool) -> Finding:
    if is_named:
        text = "has its final name too; `recorder recover` removes what is not needed."
        return Finding(Kind.LEFT_OVER, text, name)
    text = (
        "was never finished; run `recorder recover` on the recording, which makes a segment of it."
    )
    return Finding(Kind.UNFINISHED, text, name)
