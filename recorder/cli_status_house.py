"""What `recorder status` says of the disk and of the machine: a part of a snapshot in, lines out.

Pure. What is not known is said in words, because a recorder that has just started knows little, and
a dash among figures looks like a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.cli_status_fields import UNKNOWN, span, time_left
from recorder.cli_status_ink import in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from recorder.cli_status_fields import Fields
    from recorder.cli_status_ink import Ink

FRESH_S: Final = 3.0
"""A figure that is older says how old it is; one of the last ticks need not."""

_MOST_REFUSED: Final = 3
"""Of the addresses that are not let in, the most stubborn."""

_INDENT: Final = " " * 10


def storage_lines(storage: Fields, ink: Ink) -> Iterator[Text]:
    """The first one is what counts: how long the disk lasts, and how it is."""
    if not storage:
        return
    left_s, state = storage.number("time_left_s"), storage.text("state")
    yield ink.line(
        "Storage   ",
        (time_left(left_s), _urgency(left_s)),
        # A sweep knows how long the disk lasts, and comes once a minute.
        "" if left_s is None else _ago(ink.aged(storage, "counted_age_s")),
        f", {_free(storage, ink)}. Disk ",
        (state, "green" if state == "good" else "bold red"),
        ".",
    )
    tried_s, write_ms = ink.aged(storage, "probe_age_s"), storage.number("write_ms")
    written = "no write" if write_ms is None else f"longest write {write_ms:.0f} ms"
    tried = "not tried yet" if tried_s is None else f"tried {span(tried_s)} ago"
    yield ink.line(f"{_INDENT}{storage.text('directory')}, {written} in the last minute, {tried}.")
    if reason := storage.text("reason"):
        yield ink.line(_INDENT, (reason, "red"))
    blocked = storage.part("blocked")
    if blocked:
        yield ink.line(
            f"{_INDENT}A deletion plan of {in_bytes(blocked, 'bytes')} waits: "
            f"`recorder sweep --confirm {blocked.text('plan')}`."
        )
    if storage.flag("foreign_fills"):
        yield ink.line(f"{_INDENT}Data that are not recordings fill the disk.")


def machine_lines(system: Fields, ink: Ink) -> Iterator[Text]:
    """The first one is what counts: load, heat, power and clock."""
    clock = system.part("clock")
    figures = []
    if system.number("memory_bytes") is not None:
        figures.append(f"memory {in_bytes(system, 'memory_bytes')}")
    if (load := system.number("load")) is not None:
        figures.append(f"load {load:.1f}")
    if (degrees := system.number("temperature_c")) is not None:
        figures.append(f"{degrees:.0f} °C")
    is_weak = ("power too weak", "bold red") if system.flag("under_voltage_now") else ""
    measured = ", ".join(figures) or "not measured yet"
    pieces = [f"Machine   {measured}", ", " if is_weak else "", is_weak]
    pieces.append(_ago(ink.aged(system, "machine_age_s")))
    if clock.flag("is_trusted"):
        pieces.append(". Clock trusted.")
    elif clock:
        pieces += [". ", ("Clock not trusted", "yellow"), f": {clock.text('reason')}."]
    yield ink.line(*pieces)
    for wear in system.parts("wear"):
        if not wear.number("period_s"):
            # Just begun to look.
            continue
        yield ink.line(
            f"{_INDENT}The disk of {wear.text('directory')} took "
            f"{in_bytes(wear, 'written_bytes')} in {span(wear.number('period_s'))}, all writes"
            f"{_ago(ink.aged(wear, 'age_s'))}."
        )
    for refused in list(system.parts("refused"))[:_MOST_REFUSED]:
        yield ink.line(
            f"{_INDENT}Refused: an encoder at {refused.text('address') or UNKNOWN}, "
            f"{_times(refused.number('times'))}, last {span(ink.aged(refused, 'age_s'))} ago."
        )


def _free(storage: Fields, ink: Ink) -> str:
    age_s = ink.aged(storage, "free_age_s")
    if age_s is None:
        return "free space not known yet"
    free, total = in_bytes(storage, "free_bytes"), in_bytes(storage, "total_bytes")
    return f"{free} of {total} free ({span(age_s)} ago)"


def _ago(age_s: float | None) -> str:
    return "" if age_s is None or age_s < FRESH_S else f" ({span(age_s)} ago)"


def _times(number: float | None) -> str:
    if number == 1:
        return "once"
    return f"{UNKNOWN if number is None else f'{number:.0f}'} times"


def _urgency(left_s: float | None) -> str:
    if left_s is None or left_s >= 24 * 3600:
        return ""
    return "yellow" if left_s >= 3 * 3600 else "bold red"
