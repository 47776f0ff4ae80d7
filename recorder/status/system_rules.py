"""Which conditions of the machine and of the recorder as a whole are alarms: heat and power,
memory, who knocks at its doors, the clock, the configuration. Pure; `alarm_rules` gathers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.status.condition import CRITICAL, INFO, WARNING, Condition, stands
from recorder.trust import step_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recorder.status.condition import Key
    from recorder.status.house_views import ConfigView, SystemView
    from recorder.status.snapshot import Severity

HOT: Final = ((85.0, CRITICAL), (80.0, WARNING))
COOLS_BY: Final = 5.0

CLOCK_PATIENCE_S: Final = 600.0
"""A Pi has no clock of its own: the network has so long after the start to tell the time."""

GUESSES: Final = 20
GUESSED_S: Final = 20.0
"""Guesses are counted for so long; who was refused before that is none of who guesses now."""

REFUSALS: Final = 5
"""Of one address; a person who mistypes a key sees it and mends it before that."""
LATELY_S: Final = 60.0
STUBBORN_S: Final = 600.0
"""As long as refusals are remembered: who tries again every few minutes is one alarm."""

STEP_MS: Final = 2000


def system_conditions(
    system: SystemView, run: str, standing: Mapping[Key, Severity]
) -> Iterator[Condition]:
    """All that hold.

    Args:
        run: of this process: its last end is another event in another one.
        standing: as of `alarm_rules.conditions`.
    """
    yield from _machine(system, standing)
    yield from _last_end(system, run)
    yield from _strangers(system, standing)
    yield from _clock(system, run, standing)
    yield from _config(system.config)


def _machine(system: SystemView, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    if system.media_bytes >= 0.8 * system.media_limit_bytes:
        yield Condition(
            kind="memory",
            severity=WARNING,
            text="The memory for media is nearly full; new encoders will be refused.",
            advice="The disk is too slow for so many rooms, or limits.memory too small.",
            set_s=5,
            clear_s=30,
        )
    heat = system.temperature_c
    for limit, severity in HOT:
        margin = COOLS_BY if stands("temperature", severity, standing) else 0.0
        if heat is not None and heat >= limit - margin:
            yield Condition(
                kind="temperature",
                severity=severity,
                text=f"The processor is at {heat:.0f} °C and slows down.",
                advice="Give the recorder air, or a heat sink.",
                clear_s=30,
            )
            break
    if system.under_voltage_now:
        yield Condition(
            kind="under_voltage",
            severity=CRITICAL,
            text="The power supply is too weak.",
            advice="Use the original power supply and a short cable; disks fail without warning.",
            clear_s=30,
        )
    elif system.under_voltage_ever:
        yield Condition(
            kind="under_voltage_before",
            severity=WARNING,
            text="The power supply has been too weak at some time.",
            advice="Use the original power supply and a short cable.",
            until_acknowledged=True,
            detail=system.boot,
        )


def _last_end(system: SystemView, run: str) -> Iterator[Condition]:
    if system.last_end in ("crash", "power"):
        what = "lost its power" if system.last_end == "power" else "ended unexpectedly"
        yield Condition(
            kind="restarted",
            severity=WARNING,
            text=f"The recorder {what} and has started again; what it was recording is repaired by "
            "itself.",
            advice="Check the power, and the log of the time before.",
            until_acknowledged=True,
            detail=run,
        )


def _strangers(system: SystemView, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    # Refusals are counted anew from the start: who was told before it is not told that it is over
    # while the same encoder has not had the time to be refused so often.
    is_known = stands("encoder_refused", WARNING, standing)
    least = 1 if is_known and system.uptime_s <= REFUSALS * STUBBORN_S else REFUSALS
    stubborn = [each for each in system.refused if each.times >= least and each.age_s <= LATELY_S]
    if system.failed_publishes >= GUESSES:
        lately = [each for each in system.refused if each.age_s <= GUESSED_S]
        most = f" Refused most often: {lately[0].address}." if lately else ""
        yield Condition(
            kind="failed_publishes",
            severity=WARNING,
            text=f"Somebody is guessing stream keys: {system.failed_publishes} wrong ones within "
            f"20 s.{most}",
            advice="Find out who, or keep that network from the port for encoders.",
            clear_s=300,
        )
    elif stubborn:
        yield Condition(
            kind="encoder_refused",
            severity=WARNING,
            text=f"An encoder at {stubborn[0].address} is refused {_how_often(stubborn[0].times)}: "
            "its room, key, password or address is wrong.",
            advice="Correct its settings; the recorder's log says which room it names.",
            clear_s=STUBBORN_S,
        )
    if system.failed_logins >= GUESSES:
        yield Condition(
            kind="failed_logins",
            severity=WARNING,
            text="Somebody is guessing the password of this page.",
            advice="Find out who, or close the page to that network.",
            clear_s=300,
        )


def _how_often(times: int) -> str:
    if times >= REFUSALS:
        return f"again and again ({times} times)"
    return f"({'once' if times == 1 else f'{times} times'} since the recorder was started)"


def _clock(system: SystemView, run: str, standing: Mapping[Key, Severity]) -> Iterator[Condition]:
    clock = system.clock
    # Who was told before a restart is not told that it is over while it is not.
    patience_s = 0.0 if stands("clock_untrusted", WARNING, standing) else CLOCK_PATIENCE_S
    if not clock.is_trusted and system.uptime_s >= patience_s:
        yield Condition(
            kind="clock_untrusted",
            severity=WARNING,
            text=f"The clock is not trusted ({clock.reason}); nothing is deleted by age.",
            advice="Check the network time; if the clock is right, run `recorder trust-clock`.",
            set_s=5,
        )
    if clock.stepped_ms is not None and abs(clock.stepped_ms) > STEP_MS:
        yield Condition(
            kind="clock_stepped",
            severity=INFO,
            text=f"The clock was set {step_text(clock.stepped_ms)}; recordings are whole.",
            advice="Names and times of recordings before and after may not fit together.",
            until_acknowledged=True,
            detail=f"{run}-{clock.steps}",
        )


def _config(config: ConfigView) -> Iterator[Condition]:
    first = config.errors[0] if config.errors else ""
    what = f"{first} (and more, see the log)." if len(config.errors) > 1 else f"{first}."
    if config.is_last_good:
        yield Condition(
            kind="config_last_good",
            severity=CRITICAL,
            text=f"The configuration cannot be used; the last good one is in force: {what}",
            advice="Mend the file and run `systemctl reload recorder`: its next start would fail "
            "without that copy, and what was changed since is not in force.",
            clear_s=0,
        )
    elif config.errors:
        yield Condition(
            kind="config_refused",
            severity=WARNING,
            text=f"The configuration was changed and is not in force: {what}",
            advice="Mend the file and run `systemctl reload recorder`; until then the old one is "
            "in force.",
            clear_s=0,
        )
    if config.rtmps_off is not None:
        yield Condition(
            kind="rtmps_off",
            severity=CRITICAL,
            text=f"Encoders set to rtmps:// are refused: {config.rtmps_off}.",
            advice="Mend these files, or rtmp.tls in the configuration, and run `systemctl reload "
            "recorder`; encoders set to rtmp:// are recorded meanwhile.",
            clear_s=0,
        )
    if config.restart:
        yield Condition(
            kind="config_restart",
            severity=INFO,
            text=f"The configuration was changed; restart needed for: {', '.join(config.restart)}.",
            advice="Restart the recorder when nobody records, or put the old values back.",
            clear_s=0,
        )
