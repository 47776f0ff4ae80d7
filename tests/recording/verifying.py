"""Recordings to verify, and what is found in them."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from typing import TYPE_CHECKING

from recorder.recording.disk import OsDisk
from recorder.recording.verify import Verified, verify_folder
from tests.helpers.recorded import lesson, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder.recording.actions import Action
    from recorder.recording.disk import Disk
    from recorder.recording.findings import Finding, Kind

NAMES = ["0001.flv", "0002.flv", "0003.flv", "0004.flv"]
FOLDER = "room101/2026-11-22/0000001-103000Z"


@cache
def made() -> tuple[Action, ...]:
    return tuple(lesson())


class Watched:
    """Whoever shows how far it is."""

    def __init__(self) -> None:
        self.done: dict[str, list[int]] = {}

    @contextlib.contextmanager
    def __call__(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        counted = self.done[label] = [total, 0]

        def more(number: int) -> None:
            counted[1] += number

        yield more


def verify(folder: Path, disk: Disk | None = None) -> list[Verified]:
    return list(verify_folder(disk or OsDisk(), folder, watch=Watched()))


def findings(folder: Path, disk: Disk | None = None) -> list[Finding]:
    return [each for verified in verify(folder, disk) for each in verified.findings]


def told(folder: Path, disk: Disk | None = None) -> list[tuple[Kind, str]]:
    return [(each.kind, each.file) for each in findings(folder, disk)]


def change(file: Path, at: int, by: int = 1) -> None:
    """Flip bits of one byte; from the end where `at` is negative."""
    content = bytearray(file.read_bytes())
    content[at] ^= by
    file.write_bytes(content)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def unfinished(directory: Path) -> Path:
    """Two segments, one without a row yet, and a part."""
    return record(directory, made()[:-2], is_finished=False)
