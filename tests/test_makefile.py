"""The promises of the README that a machine can keep cheaply."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from recorder.cli import commands

TOP = Path(__file__).parent.parent


def commands_of_readme() -> list[str]:
    """The lines in code blocks of README.md."""
    blocks = re.findall(r"(?ms)^```(?:sh)?\n(.*?)^```", (TOP / "README.md").read_text())
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("target", ["run", "test"])
def test_the_two_commands_of_the_readme_exist(target: str) -> None:
    assert f"make {target}" in commands_of_readme()
    assert re.search(rf"^{target}:", (TOP / "Makefile").read_text(), re.MULTILINE)


def test_every_command_of_ours_in_the_readme_exists() -> None:
    named = set(re.findall(r"\.venv/bin/recorder ([a-z-]+)", (TOP / "README.md").read_text()))
    expected = {
        *("check-config", "delete", "deliver", "diagnose", "hash-password", "init", "keep"),
        *("list", "new-key"),
        *("recover", "split", "start", "status", "stop", "sweep"),
        *("trust-clock", "unkeep", "verify"),
    }
    assert named == expected
    assert expected <= set(commands.list_commands(click.Context(commands)))


def test_ci_runs_the_tests_as_a_person_does() -> None:
    script = TOP / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_an_old_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={old}", f"VENV={tmp_path}/venv"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or later, and this is Python 3.9.2" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_names_the_package(tmp_path: Path) -> None:
    bare = tmp_path / "python3"
    bare.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *print*) echo 3.11;; esac\n')
    bare.chmod(0o755)
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={bare}", f"VENV={tmp_path}/venv"],
        cwd=TOP,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "sudo apt install python3-venv" in done.stderr


def test_no_file_names_a_package_index() -> None:
    for name in ("Makefile", ".ci/run", "pyproject.toml"):
        text = (TOP / name).read_text()
        assert "index-url" not in text
        assert "https://" not in text


def test_an_installation_brings_the_page_and_its_schema(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for part in ("recorder", "web"):
        shutil.copytree(TOP / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, copy)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, copy],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    pages = {name.rpartition("/")[2] for name in names if "/share/classroom-recorder/web/" in name}
    assert pages == {path.name for path in (TOP / "web").iterdir()}
    assert "recorder/status/snapshot.schema.json" in names


@pytest.mark.debian
def test_the_scripts_of_the_installation_have_no_known_mistake() -> None:
    scripts = sorted((TOP / "systemd").glob("*.sh"))
    assert scripts
    done = subprocess.run(
        ["shellcheck", "--external-sources", *map(str, scripts)],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_who_is_not_root_is_told_to_use_sudo(target: str, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", target, f"DESTDIR={tmp_path}/root"],
        cwd=TOP,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("recorder: This needs root: run it again with sudo.\n")
    assert not (tmp_path / "root").exists()


STAYS = {
    *("common.sh", "install.sh", "activate.sh", "uninstall.sh"),
    *("install.list", "README.md"),
    # Who wants them puts them there.
    *("raspberry-pi.md", "avahi/recorder.service", "system.conf.d/recorder-watchdog.conf"),
    "srv-recordings.mount.d/recorder.conf",
}
"""What is in `systemd/` and has no place of its own on a machine."""


def test_every_file_for_systemd_is_installed_or_known_to_stay() -> None:
    folder = TOP / "systemd"
    lines = [line.split() for line in (folder / "install.list").read_text().splitlines()]
    listed = {line[0] for line in lines if line and line[0] != "#"}
    lying = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "monitoring" not in path.parts
    }
    assert lying == listed | STAYS
