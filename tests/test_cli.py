"""The command line: what it prints, and the exit codes."""

import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

import recorder
from recorder import __version__, addresses, cli
from recorder.config import Config, file, load
from recorder.recording.refusals import StorageError

KEY = "a-long-enough-key-1"
ADDRESSES = ["192.168.1.20", "10.0.0.7"]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder, no configuration of the machine, known addresses."""
    monkeypatch.chdir(tmp_path)
    looked_for = (Path("config.yaml"), tmp_path / "etc/config.yaml")
    monkeypatch.setattr(file, "LOOKED_FOR", looked_for)
    monkeypatch.setattr(addresses, "machine_addresses", lambda: ADDRESSES)


class Started:
    """Stands in for `recorder.app`: remembers what it was started with."""

    def __init__(self) -> None:
        self.configs: list[Config] = []
        self.sockets_by_systemd = False
        self.errors: tuple[str, ...] = ()
        self.answer: int | Exception = 0

    def run(
        self,
        config: Config,
        errors: tuple[str, ...],
        *,
        sockets_by_systemd: bool,
        fall_back: Callable[[], Config | None],
    ) -> int:
        self.configs.append(config)
        self.sockets_by_systemd = sockets_by_systemd
        self.errors = errors
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Started:
    started = Started()
    module = types.ModuleType("recorder.app")
    monkeypatch.setattr(module, "run", started.run, raising=False)
    monkeypatch.setitem(sys.modules, "recorder.app", module)
    monkeypatch.setattr(recorder, "app", module, raising=False)
    return started


@pytest.fixture
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal."""
    monkeypatch.setattr(cli, "_is_terminal", lambda: True)


def write_config(path: Path, text: str = f"rooms: {{room101: {{key: {KEY}}}}}\n") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


# --- run --------------------------------------------------------------------


def test_the_first_run_makes_a_configuration_and_a_storage(app: Started, tmp_path: Path) -> None:
    assert cli.run_command(["run"]) == 0
    (config,) = app.configs
    assert config == load(tmp_path / "config.yaml")
    assert (tmp_path / "config.yaml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "recordings/.recorder/id").exists()


@pytest.mark.usefixtures("_terminal")
def test_the_first_run_shows_server_and_key_on_a_terminal(
    app: Started, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run_command(["run"]) == 0
    out = capsys.readouterr().out
    assert "rtmp://192.168.1.20/live\n" in out
    assert "rtmp://10.0.0.7/live\n" in out
    assert f"Stream key:  {app.configs[0].rooms['room1'].key}\n" in out
    assert f"{tmp_path}/recordings" in out


def test_the_first_run_says_on_a_pipe_where_the_key_stands(
    app: Started, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run_command(["run"]) == 0
    captured = capsys.readouterr()
    assert "rtmp://192.168.1.20/live\n" in captured.out
    assert f"the key of the room in {tmp_path}/config.yaml" in captured.out
    assert app.configs[0].rooms["room1"].key not in captured.out + captured.err


@pytest.mark.usefixtures("_terminal")
def test_later_runs_keep_the_key_to_themselves(
    app: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(Path("config.yaml"))
    assert cli.run_command(["run"]) == 0
    out = capsys.readouterr().out
    assert "rtmp://192.168.1.20/live\n" in out
    assert KEY not in out


def test_a_service_is_told_nothing_it_knows(
    app: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(Path("config.yaml"))
    assert cli.run_command(["run"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_exit_code_is_the_recorders(app: Started) -> None:
    write_config(Path("config.yaml"))
    app.answer = 1
    assert cli.run_command(["run"]) == 1


def test_the_ports_are_the_recorders_own_unless_systemd_passes_them(app: Started) -> None:
    cli.run_command(["run"])
    assert not app.sockets_by_systemd
    cli.run_command(["run", "--sockets", "systemd"])
    assert app.sockets_by_systemd


def test_a_storage_that_cannot_be_used_is_one_sentence(
    app: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(Path("config.yaml"))
    app.answer = StorageError("The folder /x is in use.")
    assert cli.run_command(["run"]) == 2
    assert capsys.readouterr().err == "recorder: The folder /x is in use.\n"


def test_a_broken_configuration_is_not_replaced(app: Started) -> None:
    path = write_config(Path("config.yaml"), "rooms: 3")
    assert cli.run_command(["run"]) == 2
    assert path.read_text() == "rooms: 3"
    assert app.configs == []


def test_a_chosen_file_never_falls_back(
    app: Started, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_config(Path("config.yaml"))
    assert cli.run_command(["run", "--config", "absent.yaml"]) == 2
    told = "absent.yaml: cannot be read: No such file or directory; name a file that is there\n"
    assert capsys.readouterr().err == told
    assert not (tmp_path / "absent.yaml").exists()
    assert app.configs == []


def test_the_configuration_of_the_machine_is_used_without_a_local_one(
    app: Started, tmp_path: Path
) -> None:
    path = write_config(tmp_path / "etc/config.yaml")
    assert cli.run_command(["run"]) == 0
    assert app.configs[0].path == path
    assert not (tmp_path / "config.yaml").exists()


def test_the_file_can_be_chosen_before_or_after_the_command(app: Started, tmp_path: Path) -> None:
    path = write_config(tmp_path / "other.yaml")
    assert cli.run_command(["--config", str(path), "run"]) == 0
    assert cli.run_command(["run", "--config", str(path)]) == 0
    assert [config.path for config in app.configs] == [path, path]


def test_warnings_are_printed_and_do_not_stop(
    app: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(Path("config.yaml"), "rooms:\n  a: {key: short}\n")
    assert cli.run_command(["run"]) == 0
    assert capsys.readouterr().err == (
        "warning: config.yaml:2: rooms.a.key: is shorter than 16 characters and may be guessed\n"
    )


def test_a_first_configuration_that_cannot_be_made_is_one_sentence(
    app: Started, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file, "create_first", refuse)
    assert cli.run_command(["run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("recorder: There is no configuration, and ")
    assert app.configs == []


# --- init -------------------------------------------------------------------


def test_init_takes_the_storage_into_use_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_config(Path("config.yaml"))
    assert cli.run_command(["init"]) == 0
    assert cli.run_command(["init"]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path}/recordings is now the recorder's storage.\n"
        f"{tmp_path}/recordings already is the recorder's storage.\n"
    )


def test_init_on_something_that_is_no_folder_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_config(Path("config.yaml"))
    (tmp_path / "recordings").touch()
    assert cli.run_command(["init"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("recorder: ")


@pytest.mark.parametrize("command", ["init", "check-config"])
def test_other_commands_make_no_configuration(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run_command([command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "There is no configuration" in line
    assert list(tmp_path.iterdir()) == []


# --- check-config -----------------------------------------------------------


def test_a_good_configuration_is_said_to_be_good(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_config(Path("config.yaml"))
    assert cli.run_command(["check-config"]) == 0
    assert capsys.readouterr() == (
        f"config.yaml is good: 1 room, segments of 10m, in {tmp_path}/recordings.\n",
        "",
    )


def test_everything_wrong_is_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_config(Path("config.yaml"), f"rooms:\n  101: {{key: {KEY}}}\n  a: {{}}\n")
    assert cli.run_command(["check-config"]) == 2
    assert capsys.readouterr() == (
        "",
        """\
config.yaml:2: rooms.101: put it in quotes: "101"
config.yaml:3: rooms.a.key: is missing
""",
    )


# --- the rest ---------------------------------------------------------------


def test_new_key_prints_a_fresh_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run_command(["new-key"]) == 0
    assert cli.run_command(["new-key"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first != second
    assert len(first) == len(second) == 24


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run_command(["--version"]) == 0
    assert capsys.readouterr().out == f"recorder {__version__}\n"


def test_the_help_tells_of_every_command_in_a_whole_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run_command(["--help"]) == 0
    told = " ".join(capsys.readouterr().out.partition("Commands:")[2].split())
    assert "..." not in told
    assert "keep Keep recording NUMBER: nothing deletes it until `recorder unkeep`." in told


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run_command([]) == 2
    assert "check-config" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["rnu"], ["run", "extra"], ["run", "--confg", "x"]])
def test_a_mistyped_command_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run_command(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("recorder: ")


def test_the_process_ends_with_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["recorder", "no-such-command"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2


def test_an_interruption_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(file, "new_key", interrupt)
    assert cli.run_command(["new-key"]) == 130


# --- the addresses to type --------------------------------------------------


def test_a_server_url_has_a_port_only_where_it_must() -> None:
    listen = ["10.1.2.3:1935", "10.1.2.3:1936", "[::1]:1935"]
    assert addresses.server_urls(listen, "live") == [
        "rtmp://10.1.2.3/live",
        "rtmp://10.1.2.3:1936/live",
        "rtmp://[::1]/live",
    ]


def test_listening_everywhere_gives_each_address_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "raspberrypi")
    assert addresses.server_urls(["0.0.0.0:1935", "[::]:1935"], "x", machine=lambda: ADDRESSES) == [
        "rtmp://192.168.1.20/x",
        "rtmp://10.0.0.7/x",
        # The IPv6 listener does not answer to IPv4 addresses.
        "rtmp://raspberrypi/x",
    ]


def test_a_machine_without_a_network_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "raspberrypi")
    urls = addresses.server_urls(["0.0.0.0:1935"], "live", machine=list)
    assert urls == ["rtmp://raspberrypi/live"]


@pytest.mark.parametrize(
    ("address", "scheme", "url"),
    [
        ("127.0.0.1:8080", "http", "http://127.0.0.1:8080/"),
        ("localhost:8080", "http", "http://localhost:8080/"),
        ("0.0.0.0:8080", "https", "https://192.168.1.20:8080/"),
        ("[::]:8080", "http", "http://[::1]:8080/"),
        ("[2001:db8::7]:80", "http", "http://[2001:db8::7]:80/"),
    ],
)
def test_the_page_is_told_by_an_address_that_a_browser_can_open(
    address: str, scheme: str, url: str
) -> None:
    assert addresses.page_url(address, scheme=scheme, machine=lambda: ADDRESSES) == url


def test_without_a_network_the_page_is_told_by_an_address_of_the_machine_itself() -> None:
    assert addresses.page_url("0.0.0.0:8080", machine=list) == "http://127.0.0.1:8080/"


def test_a_refusal_ends_with_1_and_misuse_with_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write_config(tmp_path / "config.yaml", f"state: .\nrooms: {{room101: {{key: {KEY}}}}}\n")
    assert cli.run_command(["status", "--config", str(path), "--once"]) == 1
    assert cli.run_command(["status", "--config", str(path), "--twice"]) == 2
    assert "nobody listens there" in capsys.readouterr().err
