"""Every command of the manual (`systemd/README.md`, and what it says of a Raspberry Pi) works as
it stands there, and so do those of the README.

Each line of the `sh` blocks is run, in the order of the document, in a copy of this machine that
has the recorder installed; what cannot run there has a stub that notes the call, and what fails or
is not found fails the test. Blocks of configuration are read by whom they are for.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
import yaml

from recorder.config import load
from tests.helpers.installed import NEWER, SOURCE
from tests.helpers.machine import CALLS, Machine, machine
from tests.helpers.program import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.encoders import Sources
    from tests.helpers.installed import Installed

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]

MANUAL = (CHECKOUT / "systemd/README.md").read_text()
RASPBERRY_PI = (CHECKOUT / "systemd/raspberry-pi.md").read_text()

RUN_ELSEWHERE = {
    "sudo make install": "test_a_second_installation_is_an_upgrade_and_there_is_a_way_back",
    "sudo make install UPGRADE_NOW=1": "test_an_upgrade_waits_for_a_quiet_moment_unless_somebody_",
    "make wheels": "gather_wheels",
    "make wheels FOR=aarch64 FOR_PYTHON=3.11": "test_libraries_for_a_raspberry_pi_are_gathered",
}
"""What takes long, and the function among the tests that runs it."""

STUBBED = {
    "journalctl": "The journal is systemd's.",
    "mount": "There is no disk; the line of fstab is looked at instead.",
    "nano": "A person types into it.",
    "reboot": "It would.",
    "ufw": "It is not installed with the tests, and wants a whole network.",
    "umount": "There is no disk.",
}
"""What only notes that it was called, and why. `sudo` calls what stands behind it."""

UNTIL_IT_LISTENS = 'until grep -q "listens on" log; do sleep 0.05; done'

UNITS = "recorder-rtmp.socket recorder-http.socket recorder.service"
"""What is stopped for good: an encoder that knocks at an open port would start the service."""

SYSTEMCTL = f"""#!/bin/sh
echo "systemctl $*" >> {CALLS}
log=/run/recorder.log
stop() {{ pkill "$1" --uid recorder; while pgrep --uid recorder > /dev/null; do sleep 0.05; done; }}
start() {{
    setsid setpriv --reuid recorder --regid recorder --clear-groups \\
        /usr/local/bin/recorder run --config /etc/recorder/config.yaml 2> $log > /dev/null < $log &
    {UNTIL_IT_LISTENS.replace("log", "$log")}
}}
touch $log
case "$*" in
    *is-active*) pgrep --uid recorder > /dev/null ;;
    "start {UNITS}" | "start recorder-rtmps.socket {UNITS}" | "start recorder.service") start ;;
    "stop {UNITS}" | *disable*) stop -TERM ;;
    "restart recorder.service"*) stop -TERM; start ;;
    "reload recorder.service") pkill -HUP --uid recorder ;;
    "kill --signal=SIGKILL recorder.service") stop -KILL; start ;;
    "edit "* | "reload nginx" | daemon-re* | *enable*) ;;
    *) echo "systemctl $*: not known to the test" >&2; exit 1 ;;
esac
"""
"""As much of systemd as the manual uses: it starts and stops the one service."""

SUDO = """#!/bin/sh
if test "$1" = -u; then
    user=$2; shift 2
    exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
fi
exec "$@"
"""

SAYS = {
    "sudo -u recorder recorder status --once": "No alarm stands.",
    "sudo -u recorder recorder check-config": "/etc/recorder/config.yaml is good",
    "sudo -u recorder recorder init": "already is the recorder's storage",
    "sudo -u recorder recorder verify": "none damaged",
    "sudo recorder verify /backup/recordings": "none damaged",
    "sudo nginx -t": "",
    "sudo nft list chain inet filter input": "tcp dport { 1935, 1936, 8080 } accept",
    "sudo make uninstall": "What is yours stays",
}
"""What a command must say, where silence would be no proof."""


def blocks(language: str, text: str = MANUAL) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", text)


def commands() -> list[str]:
    """The commands of the `sh` blocks, each with the lines it goes on with."""
    # What takes it all away is the manual's last word.
    both = [*blocks("sh", RASPBERRY_PI), *blocks("sh")]
    whole = [block.replace("\\\n", "") for block in both]
    return [line for block in whole for line in block.splitlines() if line]


@pytest.fixture
def pi(installed: Installed, tmp_path: Path) -> Iterator[Machine]:
    layers = [installed.unpacked, installed.newer, installed.image]
    with machine(tmp_path / "pi", layers=layers) as made:
        made.boot_systemd()
        made.stub("systemctl", SYSTEMCTL)
        made.stub("sudo", SUDO)
        for name in STUBBED:
            made.stub(name, f'#!/bin/sh\necho "{name} $*" >> {CALLS}\n')
        made.path("/opt/recorder/previous").symlink_to(NEWER)
        yield made


def furnish(pi: Machine) -> None:
    """What the manual takes for granted: a disk, room for a backup, Debian's firewall table, and
    a certificate for the proxy."""
    disk = pi.path("/dev/sda1")
    disk.touch()
    subprocess.run(["truncate", "--size=64M", str(disk)], check=True)
    pi.path("/etc/fstab").write_text("")
    pi.path("/backup").mkdir()
    for name in ("passwd", "group"):
        with pi.path(f"/etc/{name}").open("a") as file:
            file.write(Path(f"/etc/{name}").read_text())
    for line in ("add table inet filter", "add chain inet filter input"):
        assert pi.run("nft", *line.split()).code == 0
    authority = trustme.CA()
    certificate = authority.issue_cert("recorder.example")
    folder = pi.path("/etc/ssl/recorder")
    folder.mkdir()
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for name in ("cert.pem", "key.pem"):
        pi.path(f"{SOURCE}/{name}").write_bytes((folder / name).read_bytes())
    (site,) = blocks("nginx")
    pi.path("/etc/nginx/conf.d/recorder.conf").write_text(site)


def test_every_command_of_the_manual_works_in_its_order(pi: Machine) -> None:
    furnish(pi)
    assert pi.run("systemctl", "start", "recorder.service").code == 0
    failed = []
    for command in commands():
        if command in RUN_ELSEWHERE:
            continue
        done = pi.run("sh", "-c", command, cwd=SOURCE)
        if done.code != 0 or SAYS.get(command, "") not in done.out:
            failed.append(f"{command}: {done}")
    assert not failed, "\n".join(failed)
    calls = pi.calls()
    for name in STUBBED:
        assert any(call.startswith(f"{name} ") or call == name for call in calls), name
    found = pi.run(
        "findmnt", "--tab-file", "/etc/fstab", "--noheadings", "--output", "SOURCE,FSTYPE"
    )
    assert found.out.split() == ["LABEL=recordings", "ext4"]


STOP = "pkill --exact recorder; while pgrep --exact recorder; do sleep 0.05; done"

LESSON_IS_OVER = (
    "timeout 20 sh -c 'until ls recordings/room101/*/0000042-*/0001.flv; do sleep 0.05; done'"
)
"""Whoever types the next command has seen it end."""

README_CONFIG = """
storage: {directory: ./recordings}
rooms: {room101: {key: KEY}}
status: {listen: ["127.0.0.1:8080"]}
"""

README_INPUT = {"hash-password": "a long password\n", "delete": "y\n"}
"""What a person types when a command of the README asks."""


def test_the_commands_of_the_readme_work_in_its_order(pi: Machine, sources: Sources) -> None:
    """In the folder that was unpacked, whose `.venv` has the program. Its recorder is the one that
    a lesson is sent to; it does not run any more when something is repaired by hand."""
    readme = blocks("sh", (CHECKOUT / "README.md").read_text())
    at = pi.path(SOURCE)
    (at / ".venv").symlink_to("/opt/recorder/current")
    (at / "config.yaml").write_text(README_CONFIG)
    (at / "config.yaml").chmod(0o600)
    (at / "lesson.mp4").write_bytes(sources.get("h264-aac", 2).read_bytes())
    assert pi.run(".venv/bin/recorder", "init", cwd=SOURCE).code == 0
    (at / "recordings/.recorder/next").write_text("42\n")
    start = f"setsid .venv/bin/recorder run > /dev/null 2> log & {UNTIL_IT_LISTENS}"
    assert pi.run("sh", "-c", start, cwd=SOURCE).code == 0
    pi.stub("apt", f'#!/bin/sh\necho "apt $*" >> {CALLS}\n')
    failed = []
    for block in readme:
        script = block.replace("192.168.1.20", "127.0.0.1")
        if "recover" in script:
            pi.run("sh", "-c", STOP)
        for found in (at / "recordings/room101").glob("*/0000042-*"):
            name = f"{found.parent.name}/{found.name}"
            script = script.replace("2026-11-22/0000042-103000Z", name)
        typed = "".join(text for word, text in README_INPUT.items() if word in script)
        done = pi.run("sh", "-ec", script, cwd=SOURCE, stdin=typed)
        if done.code != 0:
            failed.append(f"{script}: {done}")
        if "rtmp://" in script:
            assert pi.run("sh", "-c", LESSON_IS_OVER, cwd=SOURCE).code == 0
    assert not failed, "\n".join(failed)
    assert pi.path("/tmp/lesson.mp4").stat().st_size > 0


PROXIED = """
import base64, http.client, re, ssl
context = ssl.create_default_context(cafile="/etc/ssl/recorder/ca.pem")

def ask(method, path, origin, body=None, **headers):
    connection = http.client.HTTPSConnection("recorder.example", context=context, timeout=10)
    headers |= {"Origin": origin, "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    print(answer.status)
    return answer

ours = "https://recorder.example"
password = open("/etc/recorder/first-password").read().strip()
login = '{"password": "%s"}' % password
ask("POST", "/api/v1/login", "https://evil.example", login)
cookie = ask("POST", "/api/v1/login", ours, login).headers["Set-Cookie"]
assert "secure" in cookie.lower(), cookie
name = cookie.partition(";")[0]
ask("GET", "/api/v1/status", ours)
ask("GET", "/api/v1/status", ours, Cookie=name)
key = base64.b64encode(b"0123456789abcdef").decode()
upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": key}
upgrade["Sec-WebSocket-Version"] = "13"
ask("GET", "/api/v1/live", ours, Cookie=name, **upgrade)
"""


def test_the_page_works_behind_the_proxy_of_the_manual(pi: Machine) -> None:
    furnish(pi)
    with pi.path("/etc/hosts").open("a") as file:
        file.write("\n127.0.0.1 recorder.example\n")
    config = pi.path("/etc/recorder/config.yaml")
    text = config.read_text()
    listening = '  listen: ["127.0.0.1:8080"]\n  names: [recorder.example]\n'
    config.write_text(text.replace('  listen: ["0.0.0.0:8080"]\n', listening))
    assert pi.run("systemctl", "start", "recorder.service").code == 0
    assert pi.run("nginx").code == 0
    asked = pi.run("/usr/bin/python3", "-c", PROXIED)
    assert (asked.out.split(), asked.err) == (["403", "200", "401", "200", "101"], "")


def test_what_takes_long_is_run_by_another_test() -> None:
    tests = (CHECKOUT / "tests").rglob("*.py")
    text = "".join(path.read_text() for path in tests)
    assert set(RUN_ELSEWHERE) <= set(commands())
    assert set(SAYS) <= set(commands())
    for function in RUN_ELSEWHERE.values():
        assert f"def {function}" in text


def test_the_drop_ins_set_what_the_units_have() -> None:
    units = "".join(path.read_text() for path in (CHECKOUT / "systemd").glob("recorder*.s*"))
    drop_ins = blocks("ini")
    assert drop_ins
    for line in "".join(drop_ins).splitlines():
        name = line if line.startswith("[") else line.partition("=")[0] + "="
        assert re.search(rf"(?m)^{re.escape(name)}", units), line


def test_the_configuration_in_the_manual_is_good(tmp_path: Path) -> None:
    (over_tls, proxied) = blocks("yaml")
    for block in (over_tls, proxied):
        path = tmp_path / "config.yaml"
        hashed = (
            "scrypt$14$8$1$KMN2iq1e3sWMY5YmoCeZFQ==$JskgiDvosulByPIsUm461fTf+cpHJW2fIjlW+F7sVEc="
        )
        document = yaml.safe_load(block.replace("scrypt$...", hashed))
        path.write_text(yaml.safe_dump(document))
        config = load(path)
        assert (config.rtmp.tls is not None) == (block == over_tls)
        assert (config.status.names == ["recorder.example"]) == (block == proxied)


def test_every_link_within_the_manual_leads_somewhere() -> None:
    headings = re.findall(r"(?m)^## (.*)$", MANUAL)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(#([\w-]+)\)", MANUAL):
        assert link in anchors, link
