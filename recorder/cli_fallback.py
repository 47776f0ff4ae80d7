"""What `run` and `deliver` run with, and by what a recorder that runs is asked and what it recorded
is found: the configuration, or the last good copy of a bad one.

Owns when a start falls back. An appliance that somebody has edited and restarted records today's
lessons with yesterday's configuration, and says so; a person at a terminal, who can mend the file
at once, is told what is wrong with it instead. A certificate that cannot be used is a mistake of
the file that names it. Only a copy of the very file that was to be read counts, and only with the
permissions that the file itself must have.

A certificate for RTMPS that cannot be used, and no other copy to fall back on, costs an appliance
RTMPS and nothing else. One for the page costs the start: its password must not travel in the clear.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from recorder.cli_config import load_config
from recorder.config import Config, ConfigError, file, interpret
from recorder.config.document import printable
from recorder.config.last_good import LAST_GOOD_FILE, state_folders, text_of
from recorder.recording.known import META_FOLDER


def load_or_fall_back(
    path: Path, *, with_certificates: bool = True
) -> tuple[Config, tuple[str, ...]]:
    """The configuration to run with, and what is wrong with the file where that is another one.

    Args:
        with_certificates: they are used, and looked at. That of RTMPS may be none that can be used.

    Raises:
        ConfigError: the file cannot be used, and there is nothing to fall back on.
    """
    config = None
    try:
        config = load_config(path)
        if with_certificates:
            _check_certificates(config)
        return config, ()
    except ConfigError as error:
        if _a_person_watches():
            raise
        lacks_rtmps = config is not None and _is_good(config, may_lack_rtmps=True)
        last_good = _last_good(
            path.absolute(),
            # Where the file can be read, a copy of the same text has the same certificates.
            None if config is None else config.text,
            with_certificates=with_certificates,
            may_lack_rtmps=not lacks_rtmps,
        )
        if last_good is not None:
            return last_good, tuple(str(error).splitlines())
        if config is None or not lacks_rtmps:
            raise
        return config, ()


def fall_back(path: Path, *, with_certificates: bool = True) -> Config | None:
    """The last good configuration, for a start that finds out only later that the file cannot be
    used; None: there is none, or it is not wanted."""
    if _a_person_watches():
        return None
    return _last_good(path.absolute(), with_certificates=with_certificates, may_lack_rtmps=True)


def load_to_ask(path: Path) -> Config:
    """The configuration that a running recorder is asked by, and what it recorded is found by. It
    goes on when its file was spoilt, and who then has to see to it must reach it and its lessons:
    the last good copy says where they are. Not for what deletes: that is not done by a guess.

    Raises:
        ConfigError: the file cannot be used, and there is no such copy.
    """
    try:
        return load_config(path)
    except ConfigError as error:
        last_good = _last_good(path.absolute(), with_certificates=False, may_lack_rtmps=True)
        if last_good is None:
            raise
        for line in [*str(error).splitlines(), "Until that is mended the last good one counts."]:
            click.echo(f"warning: {line}", err=True)
        return last_good


def _check_certificates(config: Config, *, may_lack_rtmps: bool = False) -> None:
    from recorder.app_settings import make_settings

    make_settings(config, may_lack_rtmps=may_lack_rtmps)


def _is_good(config: Config, *, may_lack_rtmps: bool) -> bool:
    try:
        _check_certificates(config, may_lack_rtmps=may_lack_rtmps)
    except ConfigError:
        return False
    return True


def _a_person_watches() -> bool:
    return sys.stderr.isatty()


def _last_good(
    path: Path,
    no_better: bytes | None = None,
    *,
    with_certificates: bool,
    may_lack_rtmps: bool,
) -> Config | None:
    """Args:
    no_better: a text that cannot be used.
    may_lack_rtmps: rather than nothing.
    """
    for folder in _folders(path):
        try:
            found = file.read(folder / LAST_GOOD_FILE)
        except ConfigError:
            continue  # Not here, or not ours to read.
        text = text_of(found.data, path)
        if text is None or text == no_better:
            continue
        try:
            config = interpret(file.File(text, found.mode), path)
            if with_certificates:
                _check_certificates(config, may_lack_rtmps=may_lack_rtmps)
            return config
        except ConfigError:
            # It names no line: the file that is to be mended is another one.
            click.echo(
                f"recorder: the last good configuration, {printable(str(folder / LAST_GOOD_FILE))},"
                " cannot be used either.",
                err=True,
            )
    return None


def _folders(path: Path) -> Iterator[Path]:
    """systemd.exec(5): STATE_DIRECTORY holds absolute paths, with colons between them."""
    first = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if first:
        yield Path(first)
    try:
        data = file.read(path).data
    except ConfigError:
        data = None
    yield from state_folders(data, path.parent, META_FOLDER)
