"""May a publisher that comes back continue a recording from before the recorder's start?"""

import attrs
import pytest

from recorder.recording.continuation import Continuation, Now, continuation, may_be_of_this_boot
from recorder.recording.entries import Entry
from recorder.recording.manifest import Client, Manifest
from recorder.recording.rows import utc_ms

START = "2026-11-22T10:30:00.000Z"
START_MS = utc_ms(START)
assert START_MS is not None
WINDOW_MS = 60_000

MANIFEST = Manifest(
    room="room101",
    number=42,
    start=START,
    clock="trusted",
    client=Client(address="", software=""),
)
ENTRY = Entry(
    folder="room101/2026-11-22/0000042-103000Z",
    boot="this",
    start_ms=1_000_000,
    waiting_since_ms=1_300_000,
)
NOW = Now(
    boot="this",
    monotonic_ms=1_310_000,
    utc_ms=START_MS + 310_000,
    is_trusted=True,
    last_beat_ms=1_305_000,
)


def _decide(
    entry: Entry = ENTRY,
    manifest: Manifest = MANIFEST,
    now: Now = NOW,
    *,
    newest_after_ms: int = 300_000,
) -> Continuation | None:
    assert START_MS is not None
    newest = START_MS + newest_after_ms
    return continuation(entry, manifest, now, newest_utc_ms=newest, window_ms=WINDOW_MS)


def test_in_the_same_boot_the_monotonic_clock_decides() -> None:
    assert may_be_of_this_boot(ENTRY, NOW)
    untrusted = attrs.evolve(NOW, is_trusted=False, utc_ms=0)
    assert _decide(now=untrusted) == Continuation(
        began_ms=310_000, silent_ms=10_000, left_ms=50_000
    )


def test_a_publisher_that_was_not_lost_is_taken_for_lost_with_the_last_heartbeat() -> None:
    entry = attrs.evolve(ENTRY, waiting_since_ms=None)
    assert _decide(entry) == Continuation(began_ms=310_000, silent_ms=5_000, left_ms=55_000)
    assert _decide(entry, now=attrs.evolve(NOW, last_beat_ms=None)) is None


@pytest.mark.parametrize(("waited_ms", "goes_on"), [(0, True), (60_000, True), (60_001, False)])
def test_the_window_ends_to_the_millisecond(waited_ms: int, goes_on: bool) -> None:
    now = attrs.evolve(NOW, monotonic_ms=1_300_000 + waited_ms)
    assert (_decide(now=now) is not None) == goes_on


def test_a_time_that_lies_ahead_is_not_believed() -> None:
    assert _decide(now=attrs.evolve(NOW, monotonic_ms=1_299_999)) is None
    assert _decide(attrs.evolve(ENTRY, start_ms=1_305_000)) is None


def test_a_recording_that_has_ended_is_over() -> None:
    assert _decide(manifest=attrs.evolve(MANIFEST, end=START, end_reason="lost")) is None
    # Its files are not whole, and so its manifest is not the last one.
    assert _decide(attrs.evolve(ENTRY, is_ended=True)) is None


@pytest.mark.parametrize("boot", ["another", ""])
class TestFromAnotherBoot:
    def test_a_trusted_clock_decides_by_the_newest_file(self, boot: str) -> None:
        entry = attrs.evolve(ENTRY, boot=boot)
        assert not may_be_of_this_boot(entry, NOW)
        assert _decide(entry) == Continuation(began_ms=310_000, silent_ms=10_000, left_ms=50_000)
        assert _decide(entry, newest_after_ms=249_999) is None

    def test_a_clock_that_is_not_or_was_not_trusted_decides_nothing(self, boot: str) -> None:
        entry = attrs.evolve(ENTRY, boot=boot)
        assert _decide(entry, now=attrs.evolve(NOW, is_trusted=False)) is None
        assert _decide(entry, attrs.evolve(MANIFEST, clock="untrusted")) is None

    def test_a_file_from_the_future_decides_nothing(self, boot: str) -> None:
        assert _decide(attrs.evolve(ENTRY, boot=boot), newest_after_ms=310_001) is None

    def test_a_day_that_does_not_exist_decides_nothing(self, boot: str) -> None:
        manifest = attrs.evolve(MANIFEST, start="2026-02-30T10:30:00.000Z")
        assert _decide(attrs.evolve(ENTRY, boot=boot), manifest) is None


def test_a_machine_without_a_boot_id_has_no_boot_in_common() -> None:
    assert not may_be_of_this_boot(attrs.evolve(ENTRY, boot=""), attrs.evolve(NOW, boot=""))


def test_one_that_is_being_deleted_is_over() -> None:
    assert _decide() is not None
    assert _decide(manifest=attrs.evolve(MANIFEST, deleting="operator")) is None
