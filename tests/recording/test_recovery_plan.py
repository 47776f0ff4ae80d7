"""What is to be done with a folder, from what lies in it."""

from __future__ import annotations

import attrs
import pytest

from recorder.recording.disk import FileFacts
from recorder.recording.manifest import Manifest, Segment
from recorder.recording.recovery_plan import (
    Found,
    RemovePart,
    RemoveTemporary,
    Salvage,
    Scan,
    SetPartAside,
    anew,
    bytes_to_read,
    complete,
    end_before,
    highest_index,
    plan_files,
    with_checksums,
    without_checksum,
)
from tests.helpers.cut_off import FOLDER, YOUNG

SHA256 = "0123456789abcdef" * 4


def row(index: int, *, sha256: str | None = SHA256) -> Segment:
    return Segment(
        file=f"{index:04}.flv",
        start_ms=1000 * (index - 1),
        duration_ms=1000,
        bytes=100,
        sha256=sha256,
        reason="start" if index == 1 else "duration",
    )


def found(*names: str, rows: tuple[Segment, ...] | None = (), same: bool = False) -> Found:
    """A folder with these names, each file another one unless they are the `same`."""
    return Found(
        names=frozenset(names),
        files={
            name: FileFacts(size=10 + place, modified_ns=0, inode=7 if same else place)
            for place, name in enumerate(names)
            if ".flv" in name and ".damaged" not in name
        },
        manifest=None if rows is None else attrs.evolve(YOUNG, segments=rows),
    )


def ended(*rows: Segment) -> Manifest:
    return complete(attrs.evolve(YOUNG, segments=rows), (), 0)


def test_a_part_alone_is_salvaged() -> None:
    assert plan_files(found("0001.flv.part")) == (Salvage(1, 10),)


def test_a_part_beside_its_final_name_goes() -> None:
    both = ("0001.flv", "0001.flv.part")
    assert plan_files(found(*both, rows=(row(1),), same=True)) == (RemovePart(1),)
    assert plan_files(found(*both, same=True)) == (RemovePart(1), Scan(1, 10))


def test_a_part_beside_another_file_is_set_aside() -> None:
    both = ("0001.flv", "0001.flv.part")
    assert plan_files(found(*both, rows=(row(1),))) == (SetPartAside(1),)


def test_a_part_is_set_aside_where_its_name_is_no_file() -> None:
    folder = found("0001.flv", "0001.flv.part")
    folder = attrs.evolve(folder, files={"0001.flv.part": folder.files["0001.flv.part"]})
    assert plan_files(folder) == (SetPartAside(1),)


def test_a_segment_without_a_row_is_scanned() -> None:
    assert plan_files(found("0001.flv", "0002.flv", rows=(row(1),))) == (Scan(2, 11),)
    assert plan_files(found("0001.flv", rows=None)) == (Scan(1, 10),)


def test_a_row_without_a_file_is_left_alone() -> None:
    assert plan_files(found(rows=(row(1),))) == ()


def test_a_manifest_that_was_not_finished_goes() -> None:
    assert plan_files(found("recording.json.tmp")) == (RemoveTemporary(),)


def test_what_is_not_ours_is_not_touched() -> None:
    assert plan_files(found("KEEP", "notes.tmp", "0003.flv.damaged", "recording.json")) == ()


def test_segments_come_in_the_order_of_their_index() -> None:
    names = ("10000.flv.part", "9999.flv", "0002.flv.part")
    assert plan_files(found(*names)) == (Salvage(2, 12), Scan(9999, 11), Salvage(10000, 10))


def test_what_belongs_to_a_recording_that_goes_on_is_left_to_it() -> None:
    names = ("recording.json.tmp", "0001.flv.part", "0002.flv", "0002.flv.part", "0003.flv")
    assert plan_files(found(*names), below=2) == (Salvage(1, 11),)


def test_a_recording_is_continued_behind_every_index() -> None:
    assert highest_index([]) == 0
    assert highest_index(["KEEP", "0002.flv.part", "0001.flv"]) == 2
    assert highest_index(["0002.flv", "0007.flv.damaged.2", "recording.json.damaged"]) == 7


def test_a_segment_begins_behind_all_with_lower_numbers() -> None:
    assert end_before(3, [row(1), row(2), row(4)]) == 2000
    assert end_before(1, [row(2)]) == 0


# The manifest.


def test_a_manifest_made_anew_says_what_the_path_says() -> None:
    manifest = anew(f"somewhere/{FOLDER}")
    assert (manifest.room, manifest.number, manifest.clock) == ("room101", 1, "untrusted")
    assert manifest.start == "2026-11-22T10:30:00.000Z"


@pytest.mark.parametrize("path", ["room101/2026-11-22/notes", "room101/today/0000001-103000Z"])
def test_another_path_is_no_recording(path: str) -> None:
    with pytest.raises(ValueError, match="not the folder of a recording"):
        anew(path)


def test_a_recording_ends_where_its_last_segment_ends() -> None:
    manifest = complete(attrs.evolve(YOUNG, segments=(row(1),)), [row(2)], 0)
    assert (manifest.end, manifest.end_reason) == ("2026-11-22T10:30:02.000Z", "interrupted")
    assert manifest.counts == {}


def test_a_recording_that_has_an_end_keeps_it() -> None:
    over = attrs.evolve(YOUNG, end="2026-11-22T11:00:00.000Z", end_reason="split")
    assert complete(over, (), 0) == over
    assert complete(attrs.evolve(YOUNG, end_reason="split"), (), 0).end_reason == "split"


def test_parts_that_cannot_be_read_are_counted() -> None:
    manifest = complete(YOUNG, (), 2)
    assert manifest.counts == {"damaged_segments": 2}
    assert complete(manifest, (), 2) is manifest


@pytest.mark.parametrize("start", ["2026-99-99T10:30:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_a_start_that_is_no_moment_is_the_end_too(start: str) -> None:
    assert complete(attrs.evolve(YOUNG, start=start), [row(1)], 0).end == start


def test_checksums_are_missing_of_files_that_are_there() -> None:
    manifest = attrs.evolve(YOUNG, segments=(row(1), row(2, sha256=None), row(3, sha256=None)))
    assert without_checksum(manifest, ["0001.flv", "0002.flv"]) == ["0002.flv"]
    complete_manifest = with_checksums(manifest, {"0002.flv": SHA256})
    assert [each.sha256 for each in complete_manifest.segments] == [SHA256, SHA256, None]


def test_what_is_read_is_scanned_and_hashed() -> None:
    assert bytes_to_read(found("0002.flv.part", "0001.flv", rows=(row(1),))) == 20
    assert bytes_to_read(found("0001.flv", rows=(row(1, sha256=None),))) == 100
    assert bytes_to_read(found("0001.flv", rows=None)) == 20


def test_a_recording_is_finished_when_nothing_is_left_to_do() -> None:
    good = attrs.evolve(found("0001.flv", "recording.json"), manifest=ended(row(1)))
    assert good.is_finished
    assert not found("0001.flv", rows=(row(1),)).is_finished, "it has no end"
    assert not attrs.evolve(good, manifest=ended(row(1, sha256=None))).is_finished
    assert not attrs.evolve(good, manifest=ended()).is_finished, "a segment has no row"
    assert not attrs.evolve(good, manifest=None).is_finished
    assert not attrs.evolve(good, names=good.names | {"0002.flv.damaged"}).is_finished
