"""What retention says to people: what happened, to which folder, what to do. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.amounts import size as size
from recorder.recording.retention.planner import Why

if TYPE_CHECKING:
    from pathlib import Path

    from recorder.recording.retention.ledger import Blocked
    from recorder.recording.retention.space import Foreign, Levels

WHY = {
    Why.BEGUN: "its deletion was begun before",
    Why.AGE: "older than max_age",
    Why.ROOM_SIZE: "its room is over its max_size",
    Why.SIZE: "all together are over max_size",
    Why.FREE_SPACE: "the disk is nearly full",
}


def reason_of(text: str) -> str:
    """Why a recording is deleted, from what its manifest says."""
    return next((WHY[why] for why in Why if why.value == text), text)


def held(
    directory: Path, *, available: int, levels: Levels, kept: int, deletes_oldest: bool
) -> str:
    """Why recording has stopped on a disk that would take more.

    Args:
        kept: bytes that people keep.
    """
    if not deletes_oldest:
        why = "and retention.when_full is stop-recording"
    elif kept:
        why = f"and nothing more may be deleted; {size(kept)} are marked to be kept"
    else:
        why = "and nothing more may be deleted"
    return (
        f"The disk of the folder {directory} is nearly full: {size(available)} are free, "
        f"{size(levels.floor)} shall stay free, {why}. Free {size(levels.resume - available)} on "
        "it; recording then goes on by itself."
    )


def foreign(directory: Path, found: Foreign) -> str:
    """Data that are not ours fill the disk."""
    return (
        f"Data that are not recordings fill the disk of the folder {directory}: "
        f"{size(found.growth)} more than when it was last not nearly full. Remove them; until then "
        "recordings are deleted only as far as the live ones need it."
    )


def blocked(found: Blocked) -> str:
    """A sweep waits for a person."""
    total = sum(each.bytes for each in found.deletions)
    return (
        f"{len(found.deletions)} recordings ({size(total)}) are over the limits of retention, "
        "suspiciously many at once, so none of them is deleted. Check the clock and the "
        "configuration; if they shall go, run `recorder sweep --confirm "
        f"{found.plan_id}`."
    )
