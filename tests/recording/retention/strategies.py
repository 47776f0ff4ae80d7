"""Random catalogues for the planner: rooms, recordings, live segments, rules, and what is free."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st

from recorder.recording.retention.candidates import Candidate, LiveSegment, Standing
from recorder.recording.retention.planner import Goal
from recorder.recording.retention.rules import RoomRules, Rules

NOW_MS = 1_000_000
ROOMS = ("aula", "gym", "hall")

_sizes = st.integers(0, 100)
_limits = st.none() | st.integers(0, 400)


@attrs.frozen
class World:
    """All that a plan is made of."""

    recordings: list[Candidate]
    segments: list[LiveSegment]
    rules: Rules
    now_utc_ms: int | None
    goal: Goal


@st.composite
def worlds(draw: st.DrawFn) -> World:
    recordings, segments = list[Candidate](), list[LiveSegment]()
    for number in range(1, draw(st.integers(0, 14)) + 1):
        room = draw(st.sampled_from(ROOMS))
        standing = draw(st.sampled_from([*Standing, Standing.FREE, Standing.FREE]))
        recordings.append(
            Candidate(
                number=number,
                room=room,
                bytes=draw(_sizes),
                standing=standing,
                ended_utc_ms=draw(st.none() | st.integers(0, 2 * NOW_MS)),
                deleting=draw(st.sampled_from([None, None, None, "age"])),
            )
        )
        if standing is Standing.LIVE:
            segments += [
                LiveSegment(room, number, file, draw(_sizes), draw(st.integers(0, 50)) + file)
                for file in range(1, draw(st.integers(0, 5)) + 1)
            ]
    return World(
        recordings=recordings,
        segments=segments,
        rules=draw(all_rules()),
        now_utc_ms=draw(st.none() | st.just(NOW_MS)),
        goal=Goal(draw(st.integers(0, 600)), draw(st.integers(0, 600))),
    )


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    ages = st.none() | st.integers(0, NOW_MS)
    rooms = st.builds(RoomRules, max_age_ms=ages, max_bytes=_limits)
    return Rules(
        rooms=draw(st.dictionaries(st.sampled_from(ROOMS[:2]), rooms)),
        others=draw(rooms),
        max_bytes=draw(_limits),
        deletes_oldest=draw(st.booleans()),
    )
