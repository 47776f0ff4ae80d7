"""Each sync of the recorder is left out once, and the model of power cuts finds out.

So none is there for nothing, and the model sees what each is for. Those that are not for a power
cut are named with their reason.
"""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

import recorder.recording
from tests.helpers.cut_choices import Choice
from tests.helpers.cut_explorer import Depth
from tests.helpers.cut_lessons import SCENARIOS, explore
from tests.helpers.promises import BrokenPromise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.power_cuts import PowerCutDisk, Sync

PACKAGE = Path(recorder.recording.__file__).parent

FLAT = Depth(
    choice=Choice(product=32, chance=4),
    inner=Choice(product=1, chance=0),
    cut_every=1 << 30,
    kill_every=1 << 30,
    lesson_every=4,
)
"""For what is synced while recording."""

DEEP = Depth(
    choice=Choice(product=8, chance=2),
    inner=Choice(product=16, chance=4),
    cut_every=8,
    kill_every=1,
    lesson_every=8,
)
"""For what is synced while recovering."""


@attrs.frozen
class Left:
    """A sync that is left out, or several.

    Attributes:
        site: the functions that ask for it, the innermost first; `#2` is the second sync in that
            function.
        play: the scenario that finds it.
        label: what the path of what is synced ends with.
    """

    site: str
    play: str = "cuts"
    depth: Depth = FLAT
    label: str = ""

    def is_meant(self, sync: Sync) -> bool:
        if not sync.site or not sync.label.endswith(self.label):
            return False
        wanted = self.site.split(" < ")
        innermost, _, ordinal = wanted[0].partition("#")
        found = [innermost, *wanted[1:]]
        if list(sync.site[: len(found)]) != found:
            return False
        return not ordinal or ORDINALS[innermost].index(sync.line) == int(ordinal) - 1


def _syncs_in(path: Path) -> Iterator[tuple[str, int]]:
    """Where the code of a module syncs: the function and the line."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                match node:
                    case ast.Call(func=ast.Attribute(attr="sync_file" | "sync_folder")):
                        yield f"{path.stem}.{function.name}", node.lineno


ORDINALS: dict[str, list[int]] = {}
for _path in sorted(PACKAGE.glob("*.py")):
    for _function, _line in _syncs_in(_path):
        ORDINALS.setdefault(_function, []).append(_line)
        ORDINALS[_function].sort()

REPLACED = "disk.replace_file < "
CREATED = "disk.create_synced < "
WRITTEN = CREATED + REPLACED

SYNCS = {
    # A recording begins.
    "the counter's bytes": Left(WRITTEN + "counter.write_next < counter.persist"),
    "the counter's name": Left(REPLACED + "counter.write_next < counter.persist"),
    "an entry's bytes": Left(CREATED + "unfinished.create_entry"),
    "an entry's name": Left("unfinished.create_entry"),
    "a room": Left("disk.ensure_folder < files.start", label="/recordings"),
    "a day": Left("disk.ensure_folder < files.start", label="/room101"),
    "a recording's folder": Left("files.start"),
    # It goes on.
    "a segment's name while it is written": Left("files.open_segment", "syncs"),
    "a segment's bytes while it is written": Left("files._sync < files.sync_due", "syncs"),
    "a segment's bytes": Left("files._sync < files.close_segment"),
    "a segment's final name": Left(
        "final_name._take_free_name < final_name.give_final_name < files.close_segment"
    ),
    "a manifest's bytes": Left(WRITTEN + "files.save_manifest"),
    "a manifest's name": Left(REPLACED + "files.save_manifest"),
    "an entry's new bytes": Left(WRITTEN + "unfinished.replace_entry", "reconnect"),
    # It ends.
    "the end of an entry": Left("unfinished.forget < files.forget"),
    # It is recovered.
    "the bytes of a part that was whole": Left("salvage._repair#1", "start and stop", DEEP),
    "a salvaged part's head": Left("salvage._repair#3", "start and stop", DEEP),
    "a salvaged part's final name": Left(
        "final_name._take_free_name < final_name.give_final_name < salvage.salvage_part",
        "start and stop",
        DEEP,
    ),
    "a damaged part's name": Left(
        "final_name._take_free_name < final_name.set_aside", "start and stop", DEEP
    ),
    "a final name beside a part's": Left("recovery._carry_out", "start and stop", DEEP),
    "a manifest that was whole": Left("recovery.recover_folder", "start and stop", DEEP),
    "a recovered manifest's bytes": Left(WRITTEN + "recovery._save", "start and stop", DEEP),
    "a recovered manifest's name": Left(REPLACED + "recovery._save", "start and stop", DEEP),
    "that a folder is gone": Left("recovery._remove_folder", "start and stop", DEEP),
    "the end of a recovered entry": Left(
        "unfinished.forget < recovery.recover_recording", "start and stop", DEEP
    ),
    # A folder is taken into use.
    "the storage's folder": Left("disk.ensure_folder < known.ensure_path", "taken into use", DEEP),
    "the storage's folder of ours": Left(
        "disk.ensure_folder < storage.initialise", "taken into use", DEEP
    ),
    "the first counter's bytes": Left(
        WRITTEN + "counter.write_next < storage._write_meta", "taken into use", DEEP
    ),
    "the first counter's name": Left(
        REPLACED + "counter.write_next < storage._write_meta", "taken into use", DEEP
    ),
    "the marker's bytes": Left(WRITTEN + "meta.write_marker", "taken into use", DEEP),
    "the marker's name": Left(REPLACED + "meta.write_marker", "taken into use", DEEP),
}


WITHOUT_A_PROMISE = {
    "final_name._rename": "the manifest, which is saved next, syncs the same folder",
    "final_name.set_aside": "what is set aside keeps one of its two names",
    "written_off.make_whole": "the manifest with its row syncs the same folder",
    "written_off._make_whole": "the manifest with its row syncs the same folder",
    "salvage.salvage_part": "what is kept as damaged is read by nobody",
    "salvage._repair#2": "until it has its final name the part is cut and written again",
    "unfinished.replace_entry": "of an older entry the worst is a recording not continued",
    "known.learn": "a storage nobody knows is learned when it is opened",
    "storage._write_meta": "the folder of entries is made again when it is missing",
    "storage._open": "it was made again then, and the next entry syncs it",
    "meta.probe": "it is written to see whether it can be",
    "ballast.make": "room that is lost is made again",
    "storage.initialise": "of a storage that an `init` finds there; no lesson gives that twice",
    "known._sync_parent": "the same, of its folder",
    "clock_state.write_clock_state": "no recording rests on it",
}
"""Syncs that are left out without the model's finding anything, and why that is so. They stay: each
is one call, and what makes it needless is elsewhere."""


def test_every_sync_in_the_code_is_left_out_once_or_known_to_be_needless() -> None:
    tried = {left.site.split(" < ")[0].partition("#")[0] for left in SYNCS.values()}
    needless = {site.partition("#")[0] for site in WITHOUT_A_PROMISE}
    assert set(ORDINALS) - tried - needless == set()


@pytest.mark.parametrize("name", SYNCS)
def test_a_sync_that_is_left_out_is_found(name: str) -> None:
    left = SYNCS[name]
    seen: list[Sync] = []

    def is_left_out(sync: Sync) -> bool:
        if left.is_meant(sync):
            seen.append(sync)
            return True
        return False

    def leave_out(disk: PowerCutDisk) -> None:
        disk.swallows = is_left_out

    with pytest.raises(BrokenPromise) as caught:
        explore(SCENARIOS[left.play], left.depth, leave_out)
    assert seen
    logging.getLogger(__name__).info("%s: %s", name, caught.value)
