"""`make install` and what follows from it, on copies of this machine (see `machine`).

The copies have no network: what is installed there comes from the folder `wheels` alone. With
RECORDER_LONG_TESTS=1 in the environment also from the network, and for another processor.
"""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from recorder.passwords import is_password
from tests.helpers.installed import PYTHON, SOURCE, gather_wheels, make, unpack
from tests.helpers.machine import Machine, machine
from tests.helpers.program import CHECKOUT
from tests.real.installation import (
    CONFIG,
    OPT,
    START_S,
    kept,
    publishing,
    running,
    versions,
    wait_for,
)

if TYPE_CHECKING:
    from tests.helpers.encoders import Sources
    from tests.helpers.installed import Installed

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

LONG = os.environ.get("RECORDER_LONG_TESTS") == "1"


def owner_and_mode(path: Path) -> tuple[int, int, str]:
    found = path.lstat()
    return found.st_uid, found.st_gid, oct(stat.S_IMODE(found.st_mode))


LISTED = [
    (line.split()[0], line.split()[1])
    for line in (CHECKOUT / "systemd/install.list").read_text().splitlines()
    if line and line[0] != "#"
]
"""Each file that is installed, and its place."""


def ids(root: Path) -> tuple[int, int]:
    (line,) = re.findall(r"(?m)^recorder:.*$", (root / "etc/passwd").read_text())
    user, group = line.split(":")[2:4]
    return int(user), int(group)


def test_a_root_folder_gets_everything_at_its_place(installed: Installed) -> None:
    image = installed.image
    user, group = ids(image)
    assert user not in (0, 65534)
    assert {
        name: owner_and_mode(image / name)
        for name in ("etc/recorder", CONFIG[1:], "var/lib/recorder", "srv/recordings")
    } == {
        "etc/recorder": (0, group, "0o750"),
        CONFIG[1:]: (0, group, "0o640"),
        "var/lib/recorder": (user, group, "0o700"),
        "srv/recordings": (user, group, "0o750"),
    }
    assert os.readlink(image / "opt/recorder/current") == "0.1.0-1"
    assert os.readlink(image / "usr/local/bin/recorder") == f"{OPT}/current/bin/recorder"
    version = image / "opt/recorder/current"
    for name, place in LISTED:
        assert (image / place[1:]).read_bytes() == (version / "systemd" / name).read_bytes()
        assert owner_and_mode(image / place[1:]) == (0, 0, "0o644")
    storages = json.loads((image / "var/lib/recorder/storages.json").read_text())["storages"]
    marker = (image / "srv/recordings/.recorder/id").read_text()
    assert storages == [{"id": storages[0]["id"], "directory": "/srv/recordings"}]
    assert storages[0]["id"] in marker


def test_the_first_configuration_listens_where_the_sockets_do(installed: Installed) -> None:
    config = yaml.safe_load((installed.image / CONFIG[1:]).read_text())
    for name, section in (("rtmp", "rtmp"), ("http", "status")):
        unit = f"usr/local/lib/systemd/system/recorder-{name}.socket"
        streams = re.findall(r"(?m)^ListenStream=(.*)$", (installed.image / unit).read_text())
        assert streams == config[section]["listen"]


def test_nothing_installed_knows_where_the_root_folder_was(installed: Installed) -> None:
    found = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", str(installed.image), installed.image],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_secrets_go_to_a_terminal_or_into_a_file_of_root(installed: Installed) -> None:
    config = (installed.image / CONFIG[1:]).read_text()
    key = re.findall(r'key: "(\w+)"', config)[0]
    hashed = re.findall(r'password: "(.*)"', config)[0]
    path = installed.image / "etc/recorder/first-password"
    password = path.read_text().strip()
    assert owner_and_mode(path) == (0, 0, "0o600")
    assert is_password(password, hashed)
    assert key not in installed.said
    assert password not in installed.said
    assert "Stream key:  stands in /etc/recorder/config.yaml" in installed.said
    assert "Password:    stands in /etc/recorder/first-password" in installed.said


@pytest.mark.skipif(not LONG, reason="RECORDER_LONG_TESTS=1 runs it")
def test_an_installation_from_the_network_is_the_same(installed: Installed, tmp_path: Path) -> None:
    unpack(tmp_path / "source")
    image = tmp_path / "image"
    make("install", f"PYTHON={PYTHON}", f"DESTDIR={image}", cwd=tmp_path / "source")

    def content(root: Path) -> set[Path]:
        version = root / "opt/recorder/0.1.0-1"
        return {path.relative_to(version) for path in version.rglob("*") if path.is_file()}

    def is_ours(path: Path) -> bool:
        return not {"classroom_recorder-0.1.0.dist-info", "Activate.ps1"} & set(path.parts)

    assert set(filter(is_ours, content(image))) == set(filter(is_ours, content(installed.image)))


@pytest.mark.skipif(not LONG, reason="RECORDER_LONG_TESTS=1 runs it")
def test_libraries_for_a_raspberry_pi_are_gathered(tmp_path: Path) -> None:
    unpack(tmp_path / "source")
    gather_wheels(tmp_path / "source", "FOR=aarch64", "FOR_PYTHON=3.11")
    names = [path.stem for path in (tmp_path / "source/wheels").iterdir()]
    assert all(name.endswith("-any") or "aarch64" in name for name in names)
    (compiled,) = (name for name in names if name.startswith("pyyaml"))
    assert "-cp311-cp311-" in compiled


# On a machine.


def test_what_was_installed_records_as_the_unprivileged_user(pi: Machine, sources: Sources) -> None:
    with running(pi) as log:
        with publishing(pi, sources.get("h264-aac", 2)):
            pass
        wait_for(log, "ended")
        password = pi.path("/etc/recorder/first-password").read_text().strip()
        basic = base64.b64encode(f"operator:{password}".encode()).decode()
        ask = (
            "import urllib.request as r; print(r.urlopen(r.Request('http://127.0.0.1:8080"
            f"/api/v1/status', headers={{'Authorization': 'Basic {basic}'}})).status)"
        )
        assert pi.run("python3", "-c", ask).out == "200\n"
        assert pi.run("recorder", "quiet").out == "Quiet: no room is live.\n"
    verified = pi.run("runuser", "-u", "recorder", "--", "recorder", "verify")
    assert (verified.code, verified.err) == (0, "")
    assert "1 recording, 1 segment" in verified.out
    user, group = ids(pi.path("/"))
    (segment,) = pi.path("/srv/recordings/room1").glob("*/*/0001.flv")
    assert owner_and_mode(segment)[:2] == (user, group)


# What cannot be.


def test_an_installation_that_fails_leaves_nothing_and_says_why(pi: Machine) -> None:
    before = versions(pi), kept(pi)
    (wheel,) = pi.path(f"{SOURCE}/wheels").glob("pip-*.whl")
    wheel.unlink()
    done = pi.run("make", "install", f"PYTHON={PYTHON}", cwd=SOURCE)
    assert done.code == 2
    assert (
        "recorder: The folder wheels/ lacks something for this machine: make it again with make "
        "wheels, or remove it to install from the network.\n"
    ) in done.err
    assert (versions(pi), kept(pi)) == before


def test_a_python_that_the_service_may_not_run_is_refused(pi: Machine) -> None:
    pi.run("cp", f"/usr/bin/{Path(PYTHON).resolve().name}", "/home/pi/python3")
    done = pi.run("make", "install", "PYTHON=/home/pi/python3", cwd=SOURCE)
    assert done.err.startswith(
        "recorder: The service runs what lies in /usr, and /home/pi/python3 does not; name another "
        "Python: make install PYTHON=/usr/bin/python3\n"
    )
    assert versions(pi) == {"0.1.0-1": None, "current": "0.1.0-1"}


def test_two_installations_do_not_run_at_once(pi: Machine) -> None:
    script = f"{OPT}/current/systemd/activate.sh"
    done = pi.run("flock", f"{OPT}/.lock", "sh", script)
    assert (done.code, done.err) == (
        1,
        "recorder: Another installation is under way; wait for its end.\n",
    )


# The first time, and the last.


def test_on_a_terminal_it_says_what_to_type_and_uninstalling_leaves_what_is_yours(
    installed: Installed, tmp_path: Path
) -> None:
    with machine(tmp_path / "pi", layers=[installed.unpacked]) as pi:
        pi.boot_systemd()
        sockets = ["recorder-rtmp.socket", "recorder-http.socket", "recorder-rtmps.socket"]
        units = [
            *sockets[:2],
            *("recorder.service", "recorder-deliver.service"),
        ]
        said = on_a_terminal(pi, f"make install PYTHON={PYTHON}")
        config = pi.path(CONFIG).read_text()
        key = re.findall(r'key: "(\w+)"', config)[0]
        assert re.search(rf"(?m)^Server:      rtmp://\S+/live\r\nStream key:  {key}\r$", said)
        password = re.findall(r"Password:    (\w+) \(shown this once\)", said)[0]
        assert is_password(password, re.findall(r'password: "(.*)"', config)[0])
        assert not pi.path("/etc/recorder/first-password").exists()
        assert pi.calls() == [
            "systemctl --quiet is-active recorder.service",
            "systemctl daemon-reload",
            "systemctl --quiet enable " + " ".join(units),
            *(f"systemctl --quiet is-active {unit}" for unit in reversed(sockets)),
            "systemctl stop recorder.service",
            "systemctl restart recorder.service recorder-deliver.service",
        ]
        user, group = ids(pi.path("/"))
        assert owner_and_mode(pi.path("/srv/recordings/.recorder/id"))[:2] == (user, group)

        lesson = pi.path("/srv/recordings/room1/lesson.flv")
        lesson.parent.mkdir()
        lesson.write_bytes(b"FLV")
        done = pi.run("make", "uninstall", cwd=SOURCE)
        assert (done.code, done.err) == (0, "")
        for command in re.findall(r"sudo (rm .*)$", done.out, re.MULTILINE):
            assert pi.path(command.split()[-1]).exists()
        assert lesson.read_bytes() == b"FLV"
        assert pi.path(CONFIG).read_text() == config
        assert pi.path("/var/lib/recorder/storages.json").exists()
        for place in (OPT, "/usr/local/bin/recorder", *(place for _, place in LISTED)):
            assert not os.path.lexists(pi.path(place)), place
        calls = pi.calls()
        assert calls[0].startswith("systemctl --quiet disable --now recorder-rtmp.socket ")
        assert calls[1:] == ["systemctl daemon-reload"]


def on_a_terminal(pi: Machine, command: str) -> str:
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            pi.enter("sh", "-c", command, cwd=SOURCE), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        said = b""
        with suppress(OSError):  # EIO: the other end is closed.
            while data := screen.read(4096):
                said += data
    assert process.wait(START_S) == 0, said.decode()
    return said.decode()
