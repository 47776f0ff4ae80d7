"""The configuration: what is read, and what is said about everything that cannot be."""

import ipaddress
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.config import (
    Config,
    ConfigError,
    LimitsConfig,
    RoomConfig,
    SegmentsConfig,
    StorageConfig,
    file,
    load,
    rules,
)
from recorder.config.document import parse
from recorder.config.units import GIB, MIB

KEY = "a-long-enough-key-1"
OTHER_KEY = "a-long-enough-key-2"
NO_UNIT = "must be written with its unit, such as 10m, not a number"
NO_KEY = "must be 1 to 128 letters, digits, - and _ (`recorder new-key` prints a good one)"
OWN_NAME = "is the name of the room, which anybody can guess"
ROOM = f"rooms: {{room101: {{key: {KEY}}}}}\n"


def written(folder: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def loaded(folder: Path, text: str | bytes) -> Config:
    return load(written(folder, text))


def problems(folder: Path, text: str | bytes, *, mode: int = 0o600) -> list[str]:
    """What is wrong, each line without the name of the folder."""
    path = written(folder, text, mode=mode)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def warnings(folder: Path, text: str) -> list[str]:
    return [warning.describe("config.yaml") for warning in loaded(folder, text).warnings]


# --- what is read -----------------------------------------------------------


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


# --- everything that is wrong, at once --------------------------------------


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


# --- rooms and keys ---------------------------------------------------------


@pytest.mark.parametrize("name", ["room 101", "", "a/b", "..", "ä", "x" * 65])
def test_a_room_name_is_a_safe_word(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, f'rooms: {{"{name}": {{key: {KEY}}}}}')
    assert problem.endswith("the name of a room is 1 to 64 letters, digits, - and _")


def test_room_names_are_unique_ignoring_case(tmp_path: Path) -> None:
    text = f"rooms:\n  Room: {{key: {KEY}}}\n  room: {{key: {OTHER_KEY}}}\n"
    assert problems(tmp_path, text) == [
        "config.yaml:3: rooms.room: differs from Room only in capital letters"
    ]


def test_a_key_to_watch_is_no_other_key(tmp_path: Path) -> None:
    text = "rooms:\n  a: {key: k3y-of-room-a-0123456, view_key: k3y-of-room-a-0123456}\n"
    assert problems(tmp_path, text) == [
        "config.yaml:2: rooms.a.view_key: is also the key of a; each room needs its own"
    ]
    text = "rooms:\n  a: {key: k3y-of-room-a-0123456, view_key: v1ew-of-room-a-0123456}\n"
    assert load(written(tmp_path, text)).rooms["a"].view_key == "v1ew-of-room-a-0123456"


def test_keys_are_unique_also_against_the_starred_entry(tmp_path: Path) -> None:
    text = f'rooms:\n  a: {{key: {KEY}}}\n  "*": {{key: {KEY}}}\n'
    assert problems(tmp_path, text) == [
        "config.yaml:3: rooms.*.key: is also the key of a; each room needs its own"
    ]


def test_a_key_is_never_the_name_of_another_room(tmp_path: Path) -> None:
    text = f"rooms:\n  a: {{key: LECTURE-HALL-NORTH}}\n  lecture-hall-north: {{key: {KEY}}}\n"
    assert problems(tmp_path, text) == ["config.yaml:2: rooms.a.key: is the name of another room"]


def test_weak_keys_are_allowed_with_a_warning(tmp_path: Path) -> None:
    text = (
        "rooms:\n"
        "  a: {key: short}\n"
        "  lecture-hall-north: {key: lecture-hall-north}\n"
        f"  c: {{key: {KEY}}}\n"
    )
    assert warnings(tmp_path, text) == [
        "config.yaml:2: rooms.a.key: is shorter than 16 characters and may be guessed",
        f"config.yaml:3: rooms.lecture-hall-north.key: {OWN_NAME}",
    ]


@pytest.mark.parametrize("text", ["# nothing yet\n", "rooms: {}", "log: {level: info}"])
def test_a_file_without_rooms_is_allowed_with_a_warning(tmp_path: Path, text: str) -> None:
    (warning,) = warnings(tmp_path, text)
    assert warning.endswith("rooms: no room is configured, so nobody can publish")


def test_more_rooms_than_the_limit_are_refused(tmp_path: Path) -> None:
    text = f"limits: {{rooms: 1}}\nrooms: {{a: {{key: {KEY}}}, b: {{key: {OTHER_KEY}}}}}"
    assert problems(tmp_path, text) == [
        "config.yaml:2: rooms: holds 2 rooms, and limits.rooms is 1"
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


# --- the text itself --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"a: 1\nb: {c", "2: cannot be read: expected ',' or '}', but got '<stream end>'"),
        (b"a:\n\t- 1", "2: cannot be read: found character '\\t' that cannot start any token"),
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


# --- the file ---------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o700])
def test_a_file_that_only_its_owner_changes_is_read(tmp_path: Path, mode: int) -> None:
    assert load(written(tmp_path, ROOM, mode=mode)).rooms


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660])
def test_a_file_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    assert problems(tmp_path, ROOM, mode=mode) == [
        "config.yaml: can be changed by others; run chmod 600 on it"
    ]


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, ROOM, mode=0o644) == [
        "config.yaml: holds keys and can be read by others; run chmod 600 on it"
    ]
    assert load(written(tmp_path, "log: {}", mode=0o644)).rooms == {}


def test_permissions_are_reported_beside_other_problems(tmp_path: Path) -> None:
    text = "rooms: {a: {key: not good}}"
    assert len(problems(tmp_path, text, mode=0o666)) == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "absent.yaml")
    assert str(caught.value) == f"{tmp_path}/absent.yaml: cannot be read: No such file or directory"


def test_a_huge_file_is_no_configuration(tmp_path: Path) -> None:
    assert problems(tmp_path, b"#" * 1024 * 1025) == [
        "config.yaml: is larger than 1 MiB, so it is no configuration"
    ]


def test_the_chosen_file_is_found_even_where_it_does_not_exist(tmp_path: Path) -> None:
    assert file.find(tmp_path / "absent.yaml") == tmp_path / "absent.yaml"


def test_the_current_folder_comes_before_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here, system = Path("config.yaml"), tmp_path / "etc.yaml"
    monkeypatch.setattr(file, "LOOKED_FOR", (here, system))
    assert file.find(None) is None
    system.touch()
    assert file.find(None) == system
    here.symlink_to("broken")  # there, and not readable: found all the same
    assert file.find(None) == here


def test_the_first_configuration_is_private_and_good(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    file.create_first(path)
    assert path.stat().st_mode & 0o777 == 0o600
    config = load(path)
    assert list(config.rooms) == ["room1"]
    assert config.warnings == ()
    assert config.storage.directory == tmp_path / "recordings"


def test_the_first_configuration_never_replaces_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, ROOM)
    with pytest.raises(FileExistsError):
        file.create_first(path)
    assert path.read_text() == ROOM


def test_fresh_keys_differ_and_are_text_to_yaml() -> None:
    keys = {file.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) == 24 and key[0].isalpha() for key in keys)
    assert all(parse(f"key: {key}".encode()).value == {"key": key} for key in keys)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is no regular file"):
        load(path)
