"""The JSON Schema of the snapshot, against the classes and against pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recorder.status import house_views, room_views, snapshot
from recorder.status.digits import rounded
from recorder.status.house_views import BlockedView
from tests.helpers.pictures import SCHEMA, VALIDATOR
from tests.status import snapshots as made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder.status.snapshot import Snapshot


CLASSES = vars(room_views) | vars(house_views) | vars(snapshot)


def check(picture: Snapshot) -> None:
    VALIDATOR.validate(json.loads(picture.to_json()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sorted(SCHEMA["$defs"]))
def test_it_has_the_fields_that_the_classes_have(name: str) -> None:
    fields = list(CLASSES[name].__struct_fields__)
    assert list(SCHEMA["$defs"][name]["properties"]) == fields
    assert SCHEMA["$defs"][name]["required"] == fields


@pytest.mark.parametrize(
    "picture",
    [
        made.picture(),
        made.picture(rooms=(), alarms=(made.alarm(), made.alarm(room="a", acknowledged_by="b"))),
        made.picture(
            storage=made.storage(
                blocked=BlockedView(plan="a", recordings=1, bytes=2), next_sweep=None, reason="x"
            )
        ),
    ],
)
def test_pictures_fit(picture: Snapshot) -> None:
    check(picture)


NAMES = sorted({name for each in SCHEMA["$defs"].values() for name in each["properties"]})


def _nulled(view: Any, names: Mapping[str, bool]) -> Any:
    """The same, without what may be null and shall be."""
    kind = type(view).__name__
    properties = SCHEMA["$defs"][kind]["properties"]
    nullable = {
        name
        for name, rule in properties.items()
        if "null" in (rule.get("type") or []) or {"type": "null"} in rule.get("anyOf", [])
    }
    return replace(view, **{name: None for name in nullable if names.get(name)})


@given(st.dictionaries(st.sampled_from(NAMES), st.booleans()))
def test_whatever_is_not_known_is_null(names: dict[str, bool]) -> None:
    rooms = tuple(_nulled(room, names) for room in made.picture().rooms)
    check(
        made.picture(
            rooms=rooms,
            storage=_nulled(made.storage(), names),
            system=replace(_nulled(made.system(), names), clock=_nulled(made.clock(), names)),
            alarms=(_nulled(made.alarm(), names),),
        )
    )


@pytest.mark.parametrize("change", [{"version": 2}, {"rooms": None}, {"storage": {}}])
def test_it_tells_what_is_none(change: dict[str, object]) -> None:
    document = json.loads(made.picture().to_json()) | change
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (12.3456789, 1, 12.3),
        (0.05, 1, 0.1),
        (0.04999, 1, 0.0),
        (-3.31, 1, -3.3),
        (-3.36, 1, -3.4),
        (1e9 + 0.77, 1, 1e9 + 0.8),
        (7, 1, 7.0),
        (0.8765, 2, 0.88),
        (0.12345, 4, 0.1235),
        (None, 1, None),
    ],
)
def test_numbers_are_as_fine_as_people_read_them(
    value: float | None, digits: int, shown: float | None
) -> None:
    assert rounded(value, digits) == shown


def test_a_folder_whose_name_is_no_utf_8_can_be_shown() -> None:
    told = json.loads(made.picture(storage=made.storage(directory="/srv/\udcff")).to_json())
    assert told["storage"]["directory"] == "/srv/\udcff"
    check(made.picture(storage=made.storage(directory="/srv/\udcff")))
