"""What is read of a configuration, and what is said about everything that cannot be."""

import ipaddress
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.config import LimitsConfig, RoomConfig, SegmentsConfig, StorageConfig, load, rules
from recorder.config.document import parse
from recorder.config.units import GIB, MIB
from tests.config.texts import KEY, OTHER_KEY, ROOM, loaded, problems, written

NO_UNIT = "must be written with its unit, such as 10m, not a number"
NO_KEY = "must be 1 to 128 letters, digits, - and _ (`recorder new-key` prints a good one)"


def test_a_room_and_its_key_are_enough(tmp_path: Path) -> None:
    config = loaded(tmp_path, ROOM)
    assert config.rooms == {"room101": RoomConfig(key=KEY)}
    assert config.any_room is None
    assert config.storage == StorageConfig(
        directory=tmp_path / "recordings", sync_interval=5, stop_timeout=45
    )
    assert config.segments == SegmentsConfig(duration=600, size=GIB, align_to_clock=False)
    assert config.path == tmp_path / "config.yaml"
    assert config.warnings == ()


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_a_file_with_nothing_in_it_is_no_configuration(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ["config.yaml: is empty; put back what stood in it"]


def test_sizes_become_bytes_and_times_become_seconds(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        ROOM + "storage: {buffer: 32MiB, sync_interval: 2s, stop_timeout: 1m30s}\n"
        "segments: {duration: 1m30s, size: 100MB}\n"
        "recording: {reconnect_window: 0s}\nlimits: {memory: 1GiB}",
    )
    assert config.storage.buffer == 32 * MIB
    assert config.storage.sync_interval == 2.0
    assert config.storage.stop_timeout == 90.0
    assert config.segments.duration == 90.0
    assert config.segments.size == 100_000_000
    assert config.recording.reconnect_window == 0.0
    assert config.limits.memory == GIB


def test_relative_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, ROOM + "state: var/state\nstorage: {directory: ./disk}")
    assert config.state == tmp_path / "var/state"
    assert config.storage.directory == tmp_path / "disk"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/pi")
    config = loaded(tmp_path, ROOM + "state: /var/lib/recorder\nstorage: {directory: ~/disk}")
    assert config.state == Path("/var/lib/recorder")
    assert config.storage.directory == Path("/home/pi/disk")


def test_a_room_overrides_single_segment_keys(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "segments: {duration: 20m, align_to_clock: true}\n"
        "rooms:\n"
        f"  a: {{key: {KEY}, segments: {{duration: 5m}}}}\n"
        f"  b: {{key: {OTHER_KEY}}}\n",
    )
    assert config.rooms["a"].segments == SegmentsConfig(duration=300, align_to_clock=True)
    assert config.rooms["b"].segments == SegmentsConfig(duration=1200, align_to_clock=True)


def test_the_starred_entry_is_any_other_room(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'rooms: {{"*": {{key: {KEY}, title: Guests}}}}')
    assert config.rooms == {}
    assert config.any_room == RoomConfig(key=KEY, title="Guests")


def test_automatic_memory_is_a_quarter_of_the_machine_and_at_most_512_mib(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    expected = min(machine // 4, 512 * MIB)
    assert rules.automatic_memory() == LimitsConfig().memory == expected
    assert loaded(tmp_path, ROOM + "limits: {memory: auto}").limits.memory == expected


def test_a_time_zone_is_a_name_or_the_systems(tmp_path: Path) -> None:
    zones = ["system", "Europe/Berlin", "UTC"]
    configs = [loaded(tmp_path, ROOM + f"clock: {{timezone: {zone}}}") for zone in zones]
    assert [config.clock.timezone for config in configs] == zones


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert loaded(tmp_path, b"\xef\xbb\xbf" + ROOM.encode()).rooms["room101"].key == KEY


def test_every_problem_is_reported_with_its_line_and_path(tmp_path: Path) -> None:
    text = f"""\
segments:
  duration: 600
  size: 1KiB
  align_to_clock: "true"
storage: {{bufer: 64MiB}}
rooms:
  room101:
    key: "not a key"
  room102: {{}}
  101:
    key: {KEY}
limits: {{connections: 0, publishers: 2.5}}
"""
    assert problems(tmp_path, text) == [
        f"config.yaml:2: segments.duration: {NO_UNIT}",
        "config.yaml:3: segments.size: must lie between 1MiB and 16TiB",
        "config.yaml:4: segments.align_to_clock: must be true or false, not text",
        "config.yaml:5: storage.bufer: is no known key; did you mean buffer?",
        f"config.yaml:8: rooms.room101.key: {NO_KEY}",
        "config.yaml:9: rooms.room102.key: is missing",
        'config.yaml:10: rooms.101: put it in quotes: "101"',
        "config.yaml:12: limits.connections: must lie between 1 and 65535",
        "config.yaml:12: limits.publishers: must be a whole number, not a number with a fraction",
    ]


def test_a_repeated_key_names_both_lines(tmp_path: Path) -> None:
    assert problems(tmp_path, ROOM + "log: {}\nclock: {}\nlog: {}\n") == [
        "config.yaml:4: log: stands here twice, first in line 2"
    ]


@pytest.mark.parametrize("bare", ["101", "0123", "1.5", "1_000", "12:30", "yes", "2026-11-22"])
def test_bare_words_that_are_no_text_are_to_be_quoted(tmp_path: Path, bare: str) -> None:
    text = f"rooms: {{a: {{key: {KEY}, title: {bare}}}}}"
    assert problems(tmp_path, text) == [f'config.yaml:1: rooms.a.title: put it in quotes: "{bare}"']


def test_a_bare_number_as_a_key_is_to_be_quoted_and_not_shown(tmp_path: Path) -> None:
    assert problems(tmp_path, "rooms: {a: {key: 1234567812345678}}") == [
        'config.yaml:1: rooms.a.key: put it in quotes: "..."'
    ]


@pytest.mark.parametrize("room", ["room101", "*"])
def test_a_room_may_name_the_addresses_it_is_published_from(tmp_path: Path, room: str) -> None:
    networks = ["10.2.0.0/16", "10.3.0.7", "2001:db8::/32", "::1", "0.0.0.0/0"]
    config = loaded(tmp_path, f'rooms: {{"{room}": {{key: {KEY}, allow: {networks}}}}}')
    found = config.any_room or config.rooms[room]
    assert found.allow == [ipaddress.ip_network(each) for each in networks]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("10.2.0.0/33", 'must be an address or a network, such as "10.2.0.7" or "10.2.0.0/16"'),
        ("recorder.example", 'must be an address or a network, such as "10.2.0.7" or'),
        ("fe80::1%eth0", 'must be an address or a network, such as "10.2.0.7" or'),
        ("10.2.3.4/16", "has bits behind its /16; write 10.2.0.0/16"),
        ("2001:db8::5/64", "has bits behind its /64; write 2001:db8::/64"),
        ("::ffff:10.2.0.0/112", "must be written as IPv4, such as 10.2.0.0"),
    ],
)
def test_an_address_list_that_could_let_in_others_than_meant_is_refused(
    tmp_path: Path, entry: str, reason: str
) -> None:
    (problem,) = problems(tmp_path, f'rooms: {{a: {{key: {KEY}, allow: ["::1", "{entry}"]}}}}')
    assert problem.startswith(f"config.yaml:1: rooms.a.allow[1]: {reason}")


def test_rules_of_retention_are_read(tmp_path: Path) -> None:
    text = ROOM + (
        "retention:\n"
        "  max_age: 90d\n"
        "  max_size: 200GiB\n"
        "  min_free: {size: 4GiB, time: 3h}\n"
        "  when_full: stop-recording\n"
    )
    found = load(written(tmp_path, text)).retention
    assert (found.max_age, found.max_size) == (90 * 86_400, 200 << 30)
    assert (found.min_free.size, found.min_free.time) == (4 << 30, 3 * 3600)
    assert found.when_full == "stop-recording"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("max_age: 90", "max_age: must be written with its unit, such as 10m, not a number"),
        ("max_age: 30s", "max_age: must lie between 1m and 36500d"),
        ("max_age: forever", "max_age: "),
        ("max_size: 5", "max_size: must be written with its unit"),
        ("when_full: panic", "when_full: must be delete-oldest or stop-recording"),
        ("min_free: 4GiB", "min_free: must be a block of keys, not text"),
        ("min_free: {percent: 5}", "min_free.percent: is no known key"),
    ],
)
def test_wrong_rules_of_retention_are_named(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = problems(tmp_path, f"{ROOM}retention: {{{line}}}\n")
    assert found.startswith(f"config.yaml:2: retention.{problem}")


@pytest.mark.parametrize("key", ["min_free: {size: 4GiB}", "when_full: delete-oldest"])
def test_rules_of_the_whole_disk_are_no_room_s(tmp_path: Path, key: str) -> None:
    name = key.split(":")[0]
    (found,) = problems(tmp_path, f"rooms: {{hall: {{key: {KEY}, retention: {{{key}}}}}}}")
    reason = "is a rule for the whole disk; put it under the common retention"
    assert found == f"config.yaml:1: rooms.hall.retention.{name}: {reason}"


def test_an_age_may_be_never(tmp_path: Path) -> None:
    text = f"rooms: {{hall: {{key: {KEY}, retention: {{max_age: never}}}}}}"
    assert load(written(tmp_path, text)).rooms["hall"].retention.max_age == math.inf


def test_names_of_our_own_fields_are_no_keys(tmp_path: Path) -> None:
    assert problems(tmp_path, ROOM + "any_room: {}\npath: x\nwarnings: []\n") == [
        "config.yaml:2: any_room: is no known key; did you mean rooms?",
        "config.yaml:3: path: is no known key",
        "config.yaml:4: warnings: is no known key",
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("log: []", "log: must be a block of keys, not a list"),
        ("log:", "log: must be a block of keys, not nothing"),
        ("log: {level: {}}", "log.level: must be debug, info, warning or error"),
        ("state: {}", "state: must be text, not a block of keys"),
        ("log: {level: loud}", "log.level: must be debug, info, warning or error"),
        ("log: {level: [info]}", "log.level: must be debug, info, warning or error"),
        ("clock: {trust: no}", "clock.trust: must be auto or always"),
        ("clock: {timezone: Europe}", "clock.timezone: is no time zone known here"),
        ("clock: {timezone: ../../etc/passwd}", "clock.timezone: is no time zone known here"),
        ("clock: {timezone: [x]}", "clock.timezone: must be text, not a list"),
        ("storage: {directory: ''}", "storage.directory: must be the path of a folder"),
        ("storage: {directory: ~nobody-here/x}", "storage.directory: names a home folder"),
        ("storage: {buffer: 64}", "storage.buffer: must be written with its unit"),
        ("storage: {buffer: big}", "storage.buffer: write a size with its unit"),
        ("storage: {sync_interval: 0s}", "storage.sync_interval: must lie between 1s and 1m"),
        ("storage: {sync_interval: 61s}", "storage.sync_interval: must lie between 1s and 1m"),
        ("storage: {sync_interval: 5}", "storage.sync_interval: must be written with its unit"),
        ("storage: {stop_timeout: 999ms}", "storage.stop_timeout: must lie between 1s and 10m"),
        ("storage: {stop_timeout: 11m}", "storage.stop_timeout: must lie between 1s and 10m"),
        ("segments: {duration: soon}", "segments.duration: write a time with its unit"),
        ("segments: {duration: 25h}", "segments.duration: must lie between 1s and 1d"),
        ("segments: {align_to_clock: 1}", "segments.align_to_clock: must be true or false"),
        ("limits: {rooms: true}", "limits.rooms: must be a whole number, not true or false"),
        ("limits: {rooms: '9'}", "limits.rooms: must be a whole number, not text"),
        ("limits: {memory: 1MiB}", "limits.memory: must lie between 32MiB and 1TiB"),
        ("limits: {connections: 2026-11-22}", "limits.connections: must be a whole number, not a"),
        ("rtmp: {application: a/b}", "rtmp.application: must be 1 to 64 letters"),
        ("rtmp: {listen: '0.0.0.0:1935'}", "rtmp.listen: must be a list, not text"),
        ("rtmp: {listen: []}", "rtmp.listen: must name at least one address"),
        ("rtmp: {listen: ['0.0.0.0']}", 'rtmp.listen[0]: must be "address:port"'),
        ("rtmp: {listen: ['0.0.0.0:65536']}", 'rtmp.listen[0]: must be "address:port"'),
        ("rtmp: {listen: [1935]}", 'rtmp.listen[0]: put it in quotes: "1935"'),
        ("rtmp: {listen: [':1935']}", "rtmp.listen[0]: must begin with an address"),
        ("rtmp: {listen: ['1.2.3:1']}", "rtmp.listen[0]: does not begin with a valid address"),
        ("rtmp: {listen: ['[1.2.3.4]:1']}", "rtmp.listen[0]: does not begin with a valid"),
        ("rtmp: {listen: ['a:1', 'a:1']}", "rtmp.listen[1]: stands in the list twice"),
    ],
)
def test_a_wrong_value_is_refused_with_a_reason(tmp_path: Path, line: str, reason: str) -> None:
    (problem,) = problems(tmp_path, ROOM + line)
    assert problem.startswith(f"config.yaml:2: {reason}")


@pytest.mark.parametrize("listen", ["0.0.0.0:1935", "[::]:1935", "127.0.0.1:0", "localhost:80"])
def test_addresses_to_listen_on(tmp_path: Path, listen: str) -> None:
    assert loaded(tmp_path, ROOM + f"rtmp: {{listen: ['{listen}']}}").rtmp.listen == [listen]


def test_an_address_is_split_into_host_and_port() -> None:
    assert rules.split_address("[::1]:1935") == ("::1", 1935)
    assert rules.split_address("recorder.example:80") == ("recorder.example", 80)


def test_a_wrong_common_segment_key_is_reported_once(tmp_path: Path) -> None:
    text = ROOM + "segments: {duration: 1, lenght: 3}"
    assert problems(tmp_path, text) == [
        f"config.yaml:2: segments.duration: {NO_UNIT}",
        "config.yaml:2: segments.lenght: is no known key",
    ]


def test_a_room_that_is_no_block_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "segments: {}\nrooms:\n  a: 3\n  b:\n") == [
        "config.yaml:3: rooms.a: must be a block of keys, not a number",
        "config.yaml:4: rooms.b: must be a block of keys, not nothing",
    ]
    assert problems(tmp_path, "rooms: [a]") == [
        "config.yaml:1: rooms: must be a block of keys, not a list"
    ]


@pytest.mark.parametrize("title", ["", "two\\nlines", "x" * 129])
def test_a_title_is_one_line(tmp_path: Path, title: str) -> None:
    assert problems(tmp_path, f'rooms: {{a: {{key: {KEY}, title: "{title}"}}}}') == [
        "config.yaml:1: rooms.a.title: must be one line of 1 to 128 characters"
    ]


def test_no_message_contains_a_key(tmp_path: Path) -> None:
    secrets = ["s3cret-s3cret-s3cret", "with space s3cret", "s3cret"]
    text = (
        "rooms:\n"
        f"  a: {{key: {secrets[0]}, nonsense: 1}}\n"
        f"  b: {{key: {secrets[0]}}}\n"
        f"  c: {{key: {secrets[1]}}}\n"
        f"  d: {{key: [{secrets[2]}]}}\n"
    )
    assert len(problems(tmp_path, text)) == 4
    assert "s3cret" not in "\n".join(problems(tmp_path, text))
    assert "s3cret" not in "\n".join(problems(tmp_path, text + "  e: {key: {"))


def test_a_printed_configuration_holds_no_key(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'rooms: {{a: {{key: {KEY}}}, "*": {{key: {OTHER_KEY}}}}}')
    assert "a-long-enough-key" not in repr(config)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"a: 1\nb: {c", "2: cannot be read: expected ',' or '}', but got '<stream end>'"),
        (b"a:\n\t- 1", "2: cannot be read: a tab stands here; only spaces may stand before a key"),
        (b"a: 1\nb: \xff", "2: cannot be read: is not UTF-8 text"),
        (b"a: 1\nb: \x01", "2: cannot be read: a control character stands here"),
        (b"a: &x 1\nb: *x", "2: cannot be read: an alias (*name) is not allowed here"),
        (b"a: !!python/name:os.system", "1: cannot be read: a tag (!name) is not allowed here"),
        (b"a: 1\n---\nb: 2", "2: cannot be read: but found another document"),
        (b"[" * 5000, "1: cannot be read: is nested too deeply"),
        (b"- rooms", "1: must be a block of keys, not a list"),
        (b"? [a]\n: 1", "1: a list or a block cannot be a key"),
        (b"state: 2026-13-45", "1: state: is no value that can stand here"),
        (b"a: " + b"9" * 5000, "1: a: is no value that can stand here"),
        (b"<<: {}", "1: <<: is no value that can stand here"),
        (b'"\\e[2J": 1', "1: \\x1b[2J: is no known key"),
    ],
)
def test_text_that_is_no_configuration_is_refused(
    tmp_path: Path, text: bytes, problem: str
) -> None:
    assert problems(tmp_path, text)[0].startswith(f"config.yaml:{problem}")


@given(st.binary(max_size=60) | st.text(alphabet="ab:{}[]-?&*!|>'\"%@`#,\n \t01<=", max_size=40))
def test_any_text_gives_a_document_or_problems(text: bytes | str) -> None:
    document = parse(text.encode() if isinstance(text, str) else text)
    assert all(problem.line for problem in document.problems)


def test_permissions_are_reported_beside_other_problems(tmp_path: Path) -> None:
    text = "rooms: {a: {key: not good}}"
    assert len(problems(tmp_path, text, mode=0o666)) == 3
