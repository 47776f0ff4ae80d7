"""Each sync of the recorder is left out once, and the model of power cuts finds out.

So none is there for nothing, and the model sees what each is for. Those that are not for a power
cut are named with their reason.
"""

from __future__ import annotations

import ast
import itertools
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

pytestmark = pytest.mark.unmeasured

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
        label: the path of what is synced; None: whatever it is.
    """

    site: str
    play: str = "cuts"
    depth: Depth = FLAT
    label: str | None = None

    def is_meant(self, sync: Sync) -> bool:
        if self.label not in (None, sync.label):
            return False
        wanted = self.site.split(" < ")
        innermost, _, ordinal = wanted[0].partition("#")
        found = [innermost, *wanted[1:]]
        if list(sync.site[: len(found)]) != found:
            return False
        return not ordinal or ORDINALS[innermost].index(sync.line) == int(ordinal) - 1


def _calls_in(path: Path, *names: str) -> Iterator[tuple[str, int]]:
    """Where the code of a module calls one of these: the function and the line, in order."""
    functions = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    for function in functions:
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda call: call.lineno):
            match call.func:
                case ast.Attribute(attr=name) | ast.Name(id=name) if name in names:
                    yield f"{path.stem}.{function.name}", call.lineno


ORDINALS: dict[str, list[int]] = {}
for _path in sorted(PACKAGE.glob("*.py")):
    if _path.stem == "timed_disk":
        continue  # It asks for none itself: it passes on, and takes the time.
    for _function, _line in _calls_in(_path, "sync_file", "sync_folder"):
        ORDINALS.setdefault(_function, []).append(_line)

REPLACED = "durable.replace_file < "
CREATED = "durable.create_synced < "
ENSURED = "durable.ensure_folder < "
WRITTEN = CREATED + REPLACED
NAMED = "final_name._take_free_name < final_name.give_final_name < "

INIT = "taken into use"

SYNCS = {
    # A recording begins.
    "the counter's bytes": Left(WRITTEN + "counter.write_next < counter.persist"),
    "the counter's name": Left(REPLACED + "counter.write_next < counter.persist"),
    "an entry's bytes": Left(CREATED + "unfinished.create_entry"),
    "an entry's name": Left("unfinished.create_entry"),
    "a room": Left(ENSURED + "files.start", label="/recordings"),
    "a day": Left(ENSURED + "files.start", label="/recordings/room101"),
    "a recording's folder": Left("files.start"),
    # It goes on.
    "a segment's name while it is written": Left("files.open_segment", "syncs"),
    "a segment's bytes while it is written": Left("files._sync < files.sync_due", "syncs"),
    "a segment's bytes": Left("files._sync < files.close_segment"),
    "a segment's final name": Left(NAMED + "files.close_segment"),
    "a manifest's bytes": Left(WRITTEN + "files.save_manifest"),
    "a manifest's name": Left(REPLACED + "files.save_manifest"),
    "an entry's new bytes": Left(WRITTEN + "unfinished.replace_entry", "reconnect"),
    "a final name beside a part's, where the disk had failed": Left(
        "written_off._make_whole#1", "failed final name"
    ),
    # It ends.
    "the end of an entry": Left("unfinished.forget < files.forget"),
    # It is recovered.
    "the bytes of a part that was whole": Left("salvage._repair#1", "start and stop", DEEP),
    "a salvaged part's head": Left("salvage._repair#3", "start and stop", DEEP),
    "a salvaged part's final name": Left(NAMED + "salvage._salvage", "start and stop", DEEP),
    "a damaged part's bytes": Left("salvage._salvage", "killed while setting aside"),
    "a damaged part's name": Left(
        "final_name._take_free_name < final_name.set_aside", "start and stop", DEEP
    ),
    "a damaged part's name, once more": Left("final_name.set_aside", "killed while setting aside"),
    "a final name beside a part's": Left("recovery_steps.carry_out", "start and stop", DEEP),
    "a manifest that was whole": Left("recovery.recover_folder", "start and stop", DEEP),
    "a recovered manifest's bytes": Left(WRITTEN + "recovery._save", "start and stop", DEEP),
    "a recovered manifest's name": Left(REPLACED + "recovery._save", "start and stop", DEEP),
    "that a folder is gone": Left("recovery._remove_folder", "start and stop", DEEP),
    "the end of a recovered entry": Left(
        "unfinished.forget < recovery.recover_recording", "start and stop", DEEP
    ),
    # A folder is taken into use.
    "the storage's folder": Left(ENSURED + "known.ensure_path", INIT, DEEP, ""),
    "the storage's folder, once more": Left("known._sync_parent", INIT, DEEP),
    "its folder of ours": Left(ENSURED + "initialise.initialise", INIT, DEEP),
    "the first counter's bytes": Left(
        WRITTEN + "counter.write_next < initialise._write_meta", INIT, DEEP
    ),
    "the first counter's name": Left(
        REPLACED + "counter.write_next < initialise._write_meta", INIT, DEEP
    ),
    "the marker's bytes": Left(WRITTEN + "meta.write_marker", INIT, DEEP),
    "the marker's name": Left(REPLACED + "meta.write_marker", INIT, DEEP),
    "the marker's name, once more": Left("initialise.initialise", INIT, DEEP),
    "the marker's name, opened": Left(
        ENSURED + "opening.open_place", "taken into use and opened", DEEP
    ),
    "the state's folder": Left(ENSURED + "known.ensure_path", INIT, DEEP, "/var"),
    "the bytes of what is known": Left(WRITTEN + "known.learn", INIT, DEEP),
    "the name of what is known": Left(REPLACED + "known.learn", INIT, DEEP),
    # Trust in the clock is withdrawn.
    "the bytes of what the clock is": Left(WRITTEN + "clock_state.write_clock_state", INIT),
    "the name of what the clock is": Left(REPLACED + "clock_state.write_clock_state", INIT),
}

HARMLESS = {
    # A rename is one change: there is the part or the segment, and recovery knows both. But only
    # where renames are atomic, and where links do not exist they often are not.
    "a segment's final name without links": Left(
        "final_name._rename < " + NAMED + "files.close_segment", "without links"
    ),
    # It speaks of the monotonic clock, which means nothing after a cut.
    "an entry's new name": Left(REPLACED + "unfinished.replace_entry", "reconnect"),
    # Until the head is durable too the part has its name, and nobody believes its head.
    "where a part is cut": Left("salvage._repair#2", "start and stop", DEEP),
    # The counter and the marker, which follow, are names in the same folder.
    "the folder of entries": Left(ENSURED + "initialise._write_meta", INIT, DEEP),
    # Not for what it makes durable, but to hear what the disk says.
    "a probe": Left(CREATED + "meta.probe", "start and stop", DEEP),
    # The next start would remove it again. Without a cut there is none for a long time.
    "that a part is gone, where the disk had failed": Left("written_off._make_whole#2", ""),
    # Behind a deletion, which these scenarios do not have: `retention.test_deletion` looks for it.
    "that a folder is gone": Left("unfinished.forget_missing", ""),
    # Behind a damage that no cut makes: `test_remains` looks for them.
    "the bytes of what stands behind a damage": Left("remains.keep_remains#1", ""),
    "the name of what stands behind a damage": Left("remains.keep_remains#2", ""),
    # Recordings do not depend on it: it only tells how the recorder before this one ended.
    "that a recorder runs": Left(REPLACED + "running.begin_running", ""),
    "that a recorder has ended": Left("running.end_running", ""),
    # Room that is not there after a cut is taken again.
    "the ballast": Left("ballast.make#1", ""),
    "its name": Left("ballast.make#2", ""),
}
"""Left out, these break nothing that was promised after a power cut. Why they are there all the
same."""


def _leave_out(left: Left) -> tuple[list[Sync], str]:
    """Play a scenario without a sync: how often it was left out, and what was then broken."""
    seen: list[Sync] = []

    def is_left_out(sync: Sync) -> bool:
        if left.is_meant(sync):
            seen.append(sync)
            return True
        return False

    def leave_out(disk: PowerCutDisk) -> None:
        disk.swallows = is_left_out

    try:
        explore(SCENARIOS[left.play], left.depth, leave_out)
    except BrokenPromise as broken:
        return seen, "; ".join([str(broken), *broken.__notes__])
    return seen, ""


@pytest.mark.parametrize("name", SYNCS)
def test_a_sync_that_is_left_out_is_found(name: str) -> None:
    seen, broken = _leave_out(SYNCS[name])
    assert seen
    assert broken
    logging.getLogger(__name__).info("%s: %s", name, broken)


@pytest.mark.parametrize("name", [name for name, left in HARMLESS.items() if left.play])
def test_a_sync_that_is_there_for_something_else_breaks_nothing(name: str) -> None:
    seen, broken = _leave_out(HARMLESS[name])
    assert seen
    assert broken == ""


def test_every_sync_of_the_recorder_is_left_out_once() -> None:
    asked = {
        f"{function}#{at}"
        for function, lines in ORDINALS.items()
        for at in range(1, 1 + len(lines))
    }
    asked -= {"durable.create_synced#1", "durable.replace_file#1", "durable.ensure_folder#1"}
    for path in sorted(PACKAGE.glob("*.py")):
        asked |= {
            f"durable.{helper} < {function}"
            for helper in ("create_synced", "replace_file", "ensure_folder")
            for function, _ in _calls_in(path, helper)
        }
    left_out = set[str]()
    for left in (*SYNCS.values(), *HARMLESS.values()):
        sites = left.site.split(" < ")
        left_out.add(sites[0] if "#" in sites[0] else f"{sites[0]}#1")
        left_out |= {f"{inner} < {outer}" for inner, outer in itertools.pairwise(sites)}
    assert asked - left_out == set()
