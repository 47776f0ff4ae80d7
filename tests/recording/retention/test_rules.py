"""From a configuration to the rules: a room's own come before the common ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from recorder.config import Config, RoomConfig, load
from recorder.config.schema import (
    MinFreeConfig,
    RetentionConfig,
    RoomRetentionConfig,
)
from recorder.recording.retention.rules import RoomRules, Rules, rules_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 20


def test_without_a_word_nothing_goes() -> None:
    rules = rules_of(Config(rooms={"hall": RoomConfig(key=KEY)}))
    assert rules == Rules(rooms={"hall": RoomRules()})
    assert not rules.has_sizes


def test_a_room_has_its_own_age_or_the_common_one_or_none() -> None:
    config = Config(
        retention=RetentionConfig(max_age=90.0, max_size=1000),
        rooms={
            "common": RoomConfig(key=KEY),
            "short": RoomConfig(key=KEY, retention=RoomRetentionConfig(max_age=30.0, max_size=7)),
            "never": RoomConfig(key=KEY, retention=RoomRetentionConfig(max_age=math.inf)),
        },
    )
    rules = rules_of(config)
    assert rules.of("common") == RoomRules(max_age_ms=90_000)
    assert rules.of("short") == RoomRules(max_age_ms=30_000, max_bytes=7)
    assert rules.of("never") == RoomRules()
    assert rules.of("not configured any more") == RoomRules(max_age_ms=90_000)
    assert rules.max_bytes == 1000


def test_any_other_room_has_the_rules_of_the_star() -> None:
    star = RoomConfig(key=KEY, retention=RoomRetentionConfig(max_age=5.0, max_size=9))
    rules = rules_of(Config(any_room=star, retention=RetentionConfig(max_age=90.0)))
    assert rules.of("anything") == RoomRules(max_age_ms=5000, max_bytes=9)
    assert rules.has_sizes
    assert rules.without_limits == Rules()


def test_what_stays_free_is_of_the_whole_disk() -> None:
    free = MinFreeConfig(size=4096, time=10.0)
    rules = rules_of(Config(retention=RetentionConfig(min_free=free, when_full="stop-recording")))
    assert (rules.min_free_bytes, rules.min_free_ms, rules.deletes_oldest) == (4096, 10_000, False)
    assert rules_of(Config(retention=RetentionConfig(max_size=1))).has_sizes


def test_a_file_says_it_in_words(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "retention: {max_age: 90d, max_size: 200GiB, min_free: {size: 4GiB, time: 3h}}\n"
        f'rooms: {{hall: {{key: "{KEY}", retention: {{max_age: never}}}}}}\n'
    )
    path.chmod(0o600)
    rules = rules_of(load(path))
    assert rules.of("hall").max_age_ms is None
    assert rules.others.max_age_ms == 90 * 86_400_000
    assert rules.max_bytes == 200 << 30
    assert (rules.min_free_bytes, rules.min_free_ms) == (4 << 30, 3 * 3_600_000)
