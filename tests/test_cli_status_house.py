"""What `recorder status` says of the disk and of the machine, and of what it does not know."""

from __future__ import annotations

from msgspec.structs import replace

from recorder.status import house_views
from tests.helpers.terminal import document, shown
from tests.status.sample import CLOCK, STORAGE, SYSTEM


def test_the_storage_is_told_in_hours() -> None:
    text = shown()
    assert "41 h left (50 s ago), 212.0 GiB of 931.0 GiB free (3.0 s ago). Disk good." in text
    assert "/srv/recordings, longest write 12 ms in the last minute, tried 20 s ago." in text
    assert "`recorder sweep --confirm p-1a2b`" in text
    # What was counted in these seconds needs no age, and has none where nothing was.
    for age_s in (2.0, None):
        storage = replace(STORAGE, counted_age_s=age_s)
        assert "41 h left, 212.0 GiB" in shown(document(storage=storage))


def test_a_bad_disk_says_why_and_what_fills_it() -> None:
    storage = replace(
        STORAGE,
        state=house_views.DiskState.FAILED,
        reason="Input/output error",
        foreign_fills=True,
        blocked=None,
    )
    text = shown(document(storage=storage))
    assert "Disk failed." in text
    assert "Input/output error" in text
    assert "Data that are not recordings fill the disk." in text
    assert "sweep --confirm" not in text


def test_a_disk_that_was_just_looked_at_has_no_wear_yet() -> None:
    (wear,) = SYSTEM.wear
    begun = replace(SYSTEM, wear=(replace(wear, period_s=0.0),))
    assert "all writes" not in shown(document(system=begun))


def test_the_machine_says_what_it_knows() -> None:
    assert "memory 91.0 MiB, load 0.3, 62 °C. Clock trusted." in shown()
    assert "The disk of /srv/recordings took 36.0 GiB in 24 h, all writes." in shown()
    system = replace(
        SYSTEM,
        temperature_c=None,
        under_voltage_now=True,
        clock=replace(CLOCK, is_trusted=False, reason="not synchronised"),
    )
    # A figure that is no news says how old it is.
    old = document(system=replace(SYSTEM, machine_age_s=48.0))
    assert "load 0.3, 62 °C (48 s ago). Clock trusted." in shown(old)
    (wear,) = SYSTEM.wear
    old = document(system=replace(SYSTEM, wear=(replace(wear, age_s=30.0),)))
    assert "took 36.0 GiB in 24 h, all writes (30 s ago)." in shown(old)
    text = shown(document(system=system))
    assert "load 0.3, power too weak. Clock not trusted: not synchronised" in text


def test_what_a_recorder_that_has_just_started_does_not_know_is_told_in_words() -> None:
    storage = replace(
        STORAGE,
        total_bytes=None,
        free_bytes=None,
        free_age_s=None,
        time_left_s=None,
        write_ms=None,
        probe_age_s=None,
    )
    machine = replace(SYSTEM, memory_bytes=None, load=None, temperature_c=None, machine_age_s=None)
    text = shown(document(storage=storage, system=machine))
    assert "time left unknown, free space not known yet. Disk good." in text
    assert "/srv/recordings, no write in the last minute, not tried yet." in text
    assert "Machine   not measured yet. Clock trusted." in text


def test_who_is_not_let_in_is_told_the_most_stubborn_alone() -> None:
    assert "Refused: an encoder at 10.2.0.66, 3 times, last 40 s ago." in shown()
    refused = tuple(
        house_views.RefusedView(address=f"10.0.0.{at}", times=99 - at, age_s=1.0) for at in range(9)
    )
    text = shown(document(system=replace(SYSTEM, refused=refused)), age_s=2.0)
    assert text.count("Refused:") == 3
    assert "10.0.0.0, 99 times, last 3.0 s ago." in text
    one = (house_views.RefusedView(address="10.0.0.9", times=1, age_s=1.0),)
    text = shown(document(system=replace(SYSTEM, refused=one)))
    assert "Refused: an encoder at 10.0.0.9, once, last 1.0 s ago." in text
