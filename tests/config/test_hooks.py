"""`hooks` in the configuration: who may be told of what, and which secrets stay secret."""

from pathlib import Path

import pytest

from recorder.config import Config, ConfigError, load

KEY = "a-long-enough-key-1"
SECRET = "s3cret-of-the-hooks"
TOKEN = "https://chat.example/services/t0ken"
ROOM = f"rooms: {{room101: {{key: {KEY}}}}}\n"


def loaded(folder: Path, text: str, *, mode: int = 0o600) -> Config:
    path = folder / "config.yaml"
    path.write_text(ROOM + text)
    path.chmod(mode)
    return load(path)


def problem(folder: Path, text: str, *, mode: int = 0o600) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, mode=mode)
    return str(caught.value).replace(f"{folder}/", "")


def test_without_hooks_nobody_is_told(tmp_path: Path) -> None:
    hooks = loaded(tmp_path, "").hooks
    assert not hooks.has_receivers
    assert hooks.heartbeat.url is None
    assert (hooks.timeout, hooks.outbox.events, hooks.outbox.size) == (10.0, 10_000, 8 * 1024**2)


def test_each_kind_of_event_has_its_commands_and_urls(tmp_path: Path) -> None:
    hooks = loaded(
        tmp_path,
        "hooks:\n"
        f"  recording_ended: {{urls: [{TOKEN}], commands: [[/bin/tell, --room], [/bin/ring]]}}\n"
        "  alarm_raised: {urls: ['http://10.0.0.7:8000/a?b=c', 'http://[fd00::7]/']}\n"
        "  heartbeat: {url: https://monitor.example/ping, every: 5m}\n"
        "  outbox: {events: 500, size: 1MiB}\n"
        "  timeout: 3s\n",
    ).hooks
    assert list(hooks.receivers) == [
        "recording_started", "segment_closed", "recording_ended", "alarm_raised", "alarm_cleared",
    ]  # fmt: skip
    assert hooks.recording_ended.commands == [("/bin/tell", "--room"), ("/bin/ring",)]
    assert hooks.recording_ended.urls == [TOKEN]
    assert hooks.alarm_raised.urls == ["http://10.0.0.7:8000/a?b=c", "http://[fd00::7]/"]
    assert (hooks.heartbeat.url, hooks.heartbeat.every) == ("https://monitor.example/ping", 300.0)
    assert (hooks.outbox.events, hooks.outbox.size, hooks.timeout) == (500, 1024**2, 3.0)
    assert hooks.has_receivers


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://a.example/", "must begin with http:// or https://"),
        ("lessons.example/hook", "must begin with http:// or https://"),
        ("https:///hook", "must name a host"),
        ("https://-a.example/", "must name a host"),
        ("https://a.example:0/", "must name a host"),
        ("https://a.example:70000/", "is no valid URL"),
        ("https://[fd00::7/", "is no valid URL"),
        ("https://me:pass@a.example/", "must not hold a user or password"),
        ("https://me@a.example/", "must not hold a user or password"),
        ("https://a.example/#top", "must not hold a #"),
        ("https://a.example/a b", "no spaces"),
        ("https://a.example/ä", "ASCII"),
        ("https://a.example/" + "x" * 2048, "at most 2048"),
        ("7", "must be a URL, not a number"),
    ],
)
def test_a_url_that_cannot_be_called_is_refused(tmp_path: Path, url: str, reason: str) -> None:
    quoted = url if url == "7" else f'"{url}"'
    said = problem(tmp_path, f"hooks: {{alarm_raised: {{urls: [{quoted}]}}}}")
    assert said.startswith("config.yaml:2: hooks.alarm_raised.urls[0]: ")
    assert reason in said
    assert url == "7" or url not in said


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("/bin/tell --room", "must be a list such as"),
        ("[]", "must hold a program"),
        ("[tell]", "must begin with the full path"),
        ("[/bin/tell, 101]", "put its words in quotes"),
        ('[/bin/tell, "\\0"]', "no program can be given"),
        (f"[{', '.join(['/bin/tell'] * 65)}]", "at most 63 arguments"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(tmp_path: Path, command: str, reason: str) -> None:
    said = problem(tmp_path, f"hooks: {{alarm_raised: {{commands: [{command}]}}}}")
    assert said.startswith("config.yaml:2: hooks.alarm_raised.commands[0]: ")
    assert reason in said


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("hooks: {alarms: {}}", "hooks.alarms"),
        ("hooks: {alarm_raised: {url: https://a.example/}}", "hooks.alarm_raised.url"),
        ("hooks: {secret: short}", "hooks.secret"),
        ("hooks: {timeout: 0s}", "hooks.timeout"),
        ("hooks: {heartbeat: {every: 1s}}", "hooks.heartbeat.every"),
        ("hooks: {outbox: {events: 0}}", "hooks.outbox.events"),
        ("hooks: {outbox: {size: 1KiB}}", "hooks.outbox.size"),
    ],
)
def test_other_mistakes_are_told_with_their_place(tmp_path: Path, text: str, path: str) -> None:
    assert problem(tmp_path, text).startswith(f"config.yaml:2: {path}: ")


def test_secrets_stand_in_no_repr_and_in_no_problem(tmp_path: Path) -> None:
    text = f"hooks: {{secret: {SECRET}, segment_closed: {{urls: ['{TOKEN}']}}}}"
    shown = repr(loaded(tmp_path, text))
    said = problem(tmp_path, text.replace(SECRET, f"'{SECRET} {SECRET}'"))
    for secret in (SECRET, TOKEN):
        assert secret not in shown
        assert secret not in said


@pytest.mark.parametrize(
    "hooks",
    [
        f"{{secret: {SECRET}}}",
        f"{{segment_closed: {{urls: ['{TOKEN}']}}}}",
        f"{{heartbeat: {{url: '{TOKEN}'}}}}",
    ],
)
def test_a_file_with_secrets_of_hooks_must_not_be_readable_by_others(
    tmp_path: Path, hooks: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"hooks: {hooks}\n")
    path.chmod(0o604)
    with pytest.raises(ConfigError, match="can be read by others"):
        load(path)
    path.write_text("hooks: {alarm_raised: {commands: [[/bin/tell]]}}\n")
    assert load(path).hooks.has_receivers
