"""Targets: each receiver once, with a key and a label that give nothing away."""

from __future__ import annotations

from recorder.config.hooks import HooksConfig, ReceiversConfig
from recorder.hooks.targets import targets_of

TOKEN = "https://chat.example:8443/services/t0ken?k=v"
TELL = ("/bin/tell", "--room")


def test_who_stands_under_several_kinds_is_one_target_of_all_of_them() -> None:
    targets = targets_of(
        HooksConfig(
            recording_started=ReceiversConfig(urls=[TOKEN], commands=[TELL]),
            recording_ended=ReceiversConfig(urls=[TOKEN, TOKEN]),
            alarm_raised=ReceiversConfig(commands=[("/bin/tell",)]),
        )
    )
    assert {(each.label, each.events) for each in targets} == {
        ("/bin/tell", frozenset({"recording_started"})),
        ("/bin/tell", frozenset({"alarm_raised"})),
        ("https://chat.example:8443", frozenset({"recording_started", "recording_ended"})),
    }
    assert len({each.key for each in targets}) == 3
    assert not [each for each in targets if "t0ken" in repr(each)]


def test_a_key_is_the_same_in_every_process() -> None:
    [target] = targets_of(HooksConfig(alarm_raised=ReceiversConfig(commands=[TELL])))
    assert target.key == "d10a12d45e9f990f"


def test_nobody_configured_is_nobody_told() -> None:
    assert targets_of(HooksConfig()) == ()
