"""When hooks are an alarm."""

from __future__ import annotations

from msgspec.structs import replace

from recorder.status.alarm_rules import conditions
from recorder.status.hook_rules import hook_conditions
from recorder.status.house_views import HooksView
from tests.status import snapshots

GOOD = HooksView(
    is_delivering=True,
    failing=(),
    failing_since=None,
    delivered=7,
    given_up=1,
    lost=2,
    age_s=20.0,
)
FAILING = replace(
    GOOD,
    failing=("/bin/tell", "https://a.example"),
    failing_since="2026-11-29T10:00:00.000Z",
)


def test_no_hooks_and_good_ones_are_no_alarm() -> None:
    assert list(hook_conditions(None)) == []
    assert list(hook_conditions(GOOD)) == []


def test_receivers_that_do_not_answer_for_minutes_are_one() -> None:
    [condition] = hook_conditions(FAILING)
    assert condition.text == (
        "Hooks cannot be delivered to /bin/tell, https://a.example since 2026-11-29 10:00 UTC."
    )
    assert condition.set_s == 300


def test_that_nobody_delivers_is_one_and_explains_the_rest() -> None:
    [condition] = hook_conditions(replace(FAILING, is_delivering=False))
    assert condition.kind == "hooks_not_delivered"
    assert "recorder-deliver" in condition.advice


def test_they_are_among_all_conditions() -> None:
    picture = snapshots.picture(system=snapshots.system(hooks=FAILING))
    assert "hooks_failing" in {each.kind for each in conditions(picture)}
