"""Another version over one that is installed: when it takes its place, and the way back.

On copies of this machine, as in `test_install`.
"""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.helpers.installed import NEWER, PYTHON, SOURCE
from tests.helpers.machine import ACTIVE, CALLS, Machine, machine
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
    from collections.abc import Iterator
    from pathlib import Path

    from tests.helpers.encoders import Sources
    from tests.helpers.installed import Installed
    from tests.helpers.machine import Outcome

pytestmark = [pytest.mark.real, pytest.mark.root, pytest.mark.debian]


def activate(pi: Machine, version: str, **variables: str) -> Outcome:
    settings = [f"{name}={value}" for name, value in variables.items()]
    return pi.run("env", *settings, "sh", f"{OPT}/{version}/systemd/activate.sh")


def test_a_second_installation_is_an_upgrade_and_there_is_a_way_back(
    pi: Machine, sources: Sources
) -> None:
    with running(pi) as log:
        with publishing(pi, sources.get("h264-aac", 2)):
            pass
        wait_for(log, "ended")
    pi.boot_systemd()
    config = pi.path(CONFIG)
    config.write_text(config.read_text() + "# Mine.\n")
    before = kept(pi)
    pi.path(f"{OPT}/0.0.9-0/lib").mkdir(parents=True)

    done = pi.run("make", "install", f"PYTHON={PYTHON}", cwd=SOURCE)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "Installing the recorder 0.1.0 into /opt/recorder/0.1.0-2 ...\n"
        "The recorder 0.1.0 is installed as /opt/recorder/0.1.0-2; before it was 0.1.0-1.\n"
    )
    both = {"0.1.0-1": None, "0.1.0-2": None}
    assert versions(pi) == {**both, "current": "0.1.0-2", "previous": "0.1.0-1"}
    assert kept(pi) == before
    assert pi.calls() == [
        "systemctl --quiet is-active recorder.service",
        "systemctl daemon-reload",
        "systemctl restart recorder.service recorder-deliver.service",
    ]
    assert pi.run("recorder", "--version").out == "recorder 0.1.0\n"

    back = activate(pi, "previous")
    assert (back.code, back.err) == (0, "")
    assert versions(pi) == {**both, "current": "0.1.0-1", "previous": "0.1.0-2"}
    assert kept(pi) == before


@pytest.fixture
def two(installed: Installed, tmp_path: Path) -> Iterator[Machine]:
    """A machine under systemd with a newer version that is not in use yet."""
    layers = [installed.newer, installed.image]
    with machine(tmp_path / "two", layers=layers) as made:
        made.boot_systemd()
        yield made


def test_an_upgrade_waits_for_a_quiet_moment_unless_somebody_is_in_a_hurry(
    two: Machine, sources: Sources
) -> None:
    two.path(ACTIVE).touch()
    asked, restarted = (
        "systemctl --quiet is-active recorder.service",
        "systemctl restart recorder.service recorder-deliver.service",
    )
    with running(two) as log, publishing(two, sources.get("aac", 40), pace=1) as encoder:
        wait_for(log, "recording 1 began")
        refused = activate(two, NEWER, UPGRADE_WAIT="0s")
        assert (refused.code, refused.out) == (1, "Live: room1.\n")
        assert refused.err == (
            "recorder: No quiet moment came, so nothing was changed: try again when no lesson "
            "runs, or with UPGRADE_NOW=1, which costs each live room some seconds.\n"
        )
        assert two.calls() == [asked]
        assert versions(two)["current"] == "0.1.0-1"

        hurried = activate(two, NEWER, UPGRADE_NOW="1")
        assert (hurried.code, hurried.err) == (0, "")
        assert two.calls()[-1] == restarted
        assert versions(two)["current"] == NEWER

        activation = ("sh", f"{OPT}/previous/systemd/activate.sh")
        with subprocess.Popen(two.enter("env", "UPGRADE_WAIT=1m", *activation)) as waiting:
            wait_for(two.path(CALLS), "is-active")
            assert "recording 1 ended" not in log.read_text()
            assert two.calls() == [asked]
            encoder.send_signal(signal.SIGINT)
            assert waiting.wait(START_S) == 0
        assert "recording 1 ended" in log.read_text()
        assert two.calls()[-1] == restarted
        assert versions(two)["current"] == "0.1.0-1"


def test_a_version_that_cannot_read_the_configuration_is_not_used(two: Machine) -> None:
    two.path(CONFIG).write_text("no_such_key: 1\n")
    done = activate(two, NEWER)
    assert done.code == 1
    assert "no_such_key" in done.err
    assert done.err.endswith(
        "recorder: The recorder 0.2.0 cannot use /etc/recorder/config.yaml, so nothing was "
        "changed.\n"
    )
    assert versions(two)["current"] == "0.1.0-1"
    assert two.calls() == []


def test_a_version_that_does_not_start_makes_room_for_the_one_before(two: Machine) -> None:
    two.stub(
        "systemctl",
        f"""#!/bin/sh
echo "systemctl $*" >> {CALLS}
case $* in
    *is-active*) exit 1 ;;
    restart*) test "$(readlink {OPT}/current)" != {NEWER} ;;
esac
""",
    )
    done = activate(two, NEWER)
    assert done.code == 1
    assert done.err == (
        "recorder: The recorder 0.2.0 did not start, so 0.1.0-1 runs again; its log says why: "
        "journalctl -u recorder -n 50\n"
    )
    assert versions(two)["current"] == "0.1.0-1"
    assert two.calls().count("systemctl restart recorder.service recorder-deliver.service") == 2


def test_sockets_are_only_closed_when_they_differ(two: Machine) -> None:
    unit = two.path(f"{OPT}/{NEWER}/systemd/recorder-http.socket")
    unit.write_text(unit.read_text() + "# Another one.\n")
    # RTMPS was never switched on.
    two.stub(
        "systemctl",
        f"""#!/bin/sh
echo "systemctl $*" >> {CALLS}
case $* in
    *is-active*recorder.service | *is-active*rtmps.socket) exit 1 ;;
esac
""",
    )
    assert activate(two, NEWER).code == 0
    sockets = "recorder-http.socket recorder-rtmp.socket"
    # Not the one alone: an encoder that knocks at another would start the service in between.
    assert [call for call in two.calls()[1:] if "is-active" not in call] == [
        "systemctl daemon-reload",
        f"systemctl stop recorder.service {sockets}",
        f"systemctl start {sockets}",
        "systemctl restart recorder.service recorder-deliver.service",
    ]


def test_a_unit_that_a_version_does_not_have_any_more_goes(two: Machine) -> None:
    listing = two.path(f"{OPT}/0.1.0-1/systemd/install.list")
    listing.write_text(
        listing.read_text().replace("recorder.service ", "recorder.service      ")
        + "old.service /usr/local/lib/systemd/system/old.service\n"
    )
    old = two.path("/usr/local/lib/systemd/system/old.service")
    old.touch()
    assert activate(two, NEWER).code == 0
    assert not old.exists()
    assert two.path("/usr/local/lib/systemd/system/recorder.service").exists()
    calls = two.calls()
    assert "systemctl --quiet disable --now old.service" in calls
    assert not any("enable recorder" in call for call in calls)
