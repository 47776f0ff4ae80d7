"""The real program, started in a folder of its own.

Owns the life of one `python -m recorder run`: its configuration file, its port, its log (standard
error, read line by line, so that a test waits for a line and never sleeps), its signals, and that
nothing of it is left when the test is over. Knows the outward face of the program only: the
command line, the configuration, the log, the files. Imports nothing of it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import trio
import yaml

from tests.helpers import secrets
from tests.helpers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]

PRINTED = "recorder.out"
"""What the program wrote to its standard output, in the folder of its configuration."""

STOP_S = 10.0
"""How long a stop may take on a disk that answers."""

LINE_S = 15.0
"""How long a test waits for a line of the log that must come."""


def key_of(room: str) -> str:
    """The key of a room in the configurations made here: long enough for no warning."""
    return f"key-of-{room}-0123456789"


def configuration(
    folder: Path,
    rooms: Iterable[str],
    port: int,
    *,
    state: Path | None = None,
    **sections: Mapping[str, object],
) -> dict[str, Any]:
    """A configuration with 3-second segments, recording into `folder/recordings`.

    Args:
        state: the state folder; None: inside of the storage.
        sections: top-level sections, merged over the ones made here key by key.
    """
    made: dict[str, Any] = {
        "storage": {"directory": str(folder / "recordings")},
        "segments": {"duration": "3s"},
        "rtmp": {"listen": [f"127.0.0.1:{port}"]},
        "status": {"listen": [f"127.0.0.1:{free_port()}"]},
        "rooms": {room: {"key": key_of(room)} for room in rooms},
    }
    if state is not None:
        made["state"] = str(state)
    for name, section in sections.items():
        made[name] = {**made.get(name, {}), **section}
    return made


def write_configuration(path: Path, content: object) -> Path:
    """Write it as YAML that nobody else can read: the program refuses anything else."""
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    path.chmod(0o600)
    return path


def environment() -> dict[str, str]:
    """The program runs from this checkout, wherever its working directory is."""
    found = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    # Some machines set it, and every start would compile everything again.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


@attrs.frozen
class Outcome:
    """What a command did that came back by itself."""

    code: int
    out: str
    err: str


async def command(*arguments: str | Path, cwd: Path, within_s: float = 20.0) -> Outcome:
    """Run `recorder ARGUMENTS` to its end.

    Raises:
        trio.TooSlowError: it did not come back; it has been killed.
    """
    with trio.fail_after(within_s):
        done = await trio.run_process(
            [sys.executable, "-m", "recorder", *map(str, arguments)],
            cwd=cwd,
            env=environment(),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    file = cwd / arguments[arguments.index("--config") + 1] if "--config" in arguments else None
    hidden = secrets.secrets_of(file or cwd / "config.yaml")
    secrets.check_texts(hidden, stdout=done.stdout, stderr=done.stderr)
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


LOOK_EVERY_S = 0.05


async def eventually(true: Callable[[], bool], *, what: str, within_s: float = LINE_S) -> None:
    """Wait for something that no line of a log tells, such as a file that appears.

    Raises:
        AssertionError: it did not become true in time.
    """
    with trio.move_on_after(within_s):
        while not true():  # noqa: ASYNC110 — a file system has no events that need no root
            await trio.sleep(LOOK_EVERY_S)
        return
    raise AssertionError(f"not within {within_s:g} s: {what}")


@attrs.frozen
class Recording:
    """A recording's folder as it stands on the disk."""

    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        loaded = json.loads((self.folder / "recording.json").read_text())
        assert isinstance(loaded, dict)
        return loaded

    @property
    def segments(self) -> list[Path]:
        """The finished files, in order."""
        return sorted(self.folder.glob("*.flv"))

    @property
    def parts(self) -> list[Path]:
        """The unfinished files, in order."""
        return sorted(self.folder.glob("*.flv.part"))


class Recorder:
    """A running program. Made by `run_recorder`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], process: trio.Process) -> None:
        self.folder = folder
        self.config = config
        self.port = int(config["rtmp"]["listen"][0].rpartition(":")[2])
        self.page = f"http://{config['status']['listen'][0]}"
        self.process = process
        self.lines: list[str] = []
        self._more = trio.Event()
        self._log_ended = False

    # Where to publish.

    def url(self, room: str, *, port: int | None = None) -> str:
        """The address an encoder takes that has one field: the key rides behind a `?`.

        Args:
            port: of something that stands between the encoder and the program.
        """
        return f"rtmp://127.0.0.1:{port or self.port}/live/{room}?key={key_of(room)}"

    def url_with_key_as_path(self, room: str) -> str:
        """The same entry as an address without a query."""
        return f"rtmp://127.0.0.1:{self.port}/live/{room}/{key_of(room)}"

    async def connect(self) -> trio.SocketStream:
        """A bare TCP connection to the RTMP port."""
        with trio.fail_after(LINE_S):
            return await trio.open_tcp_stream("127.0.0.1", self.port)

    # What it wrote.

    @property
    def storage(self) -> Path:
        return Path(self.config["storage"]["directory"])

    def recordings(self, room: str) -> list[Recording]:
        """The room's recordings, oldest first."""
        base = self.storage / room
        return [Recording(found.parent) for found in sorted(base.glob("*/*/recording.json"))]

    def recording(self, room: str) -> Recording:
        """The room's only recording."""
        found = self.recordings(room)
        assert len(found) == 1, f"{room}: {len(found)} recordings where one was expected"
        return found[0]

    # What it said.

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def matching(self, pattern: str) -> list[str]:
        """The lines so far that contain the pattern."""
        return [line for line in self.lines if re.search(pattern, line)]

    async def line(self, pattern: str, *, count: int = 1, within_s: float = LINE_S) -> str:
        """Wait until `count` lines contain the pattern, and give the last of these.

        Raises:
            AssertionError: the log ended without it, or it did not come in time.
        """
        with trio.move_on_after(within_s):
            while True:
                await trio.lowlevel.checkpoint()
                found = self.matching(pattern)
                if len(found) >= count:
                    return found[count - 1]
                if self._log_ended:
                    raise AssertionError(f"the program ended without saying {pattern!r}")
                await self._more.wait()
        raise AssertionError(f"{pattern!r} was not said {count} times within {within_s} s")

    async def ended(self, room: str, *, within_s: float = LINE_S) -> Recording:
        """Wait until the room's first recording is over, and give it."""
        await self.line(rf" {room}: recording \d+ ended", within_s=within_s)
        return self.recordings(room)[0]

    # What it takes.

    def memory_peak_bytes(self) -> int:
        """The largest resident set so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    def open_files(self) -> int:
        """Descriptors in use, sockets included."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    # How it ends.

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    @property
    def has_left(self) -> bool:
        """Whether its main thread has ended: the kernel keeps the rest of the process while a
        thread of it waits for a disk (proc(5): Z in `stat`, behind the name)."""
        found = Path(f"/proc/{self.process.pid}/stat").read_text()
        return found.rpartition(")")[2].split()[0] == "Z"

    async def gone(self, *, within_s: float = STOP_S) -> int:
        """Wait for the end of the process and of its log; gives the exit code."""
        with trio.fail_after(within_s):
            code = await self.process.wait()
            while not self._log_ended:
                await self._more.wait()
        return code

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it as an operator would; it must leave with 0 in time."""
        self.send(number)
        code = await self.gone()
        assert code == 0, f"exit code {code} after {number.name}"

    async def kill(self) -> None:
        """End it as the kernel would when memory runs out."""
        self.send(signal.SIGKILL)
        await self.gone()

    async def _read_log(self, path: Path) -> None:
        stream = self.process.stderr
        assert stream is not None
        unfinished = ""
        with path.open("a") as copy:
            async for block in stream:
                text = block.decode(errors="replace")
                copy.write(text)
                copy.flush()
                *whole, unfinished = (unfinished + text).split("\n")
                self._heard(whole)
        self._log_ended = True
        self._heard([unfinished] if unfinished else [])

    def _heard(self, lines: list[str]) -> None:
        self.lines += lines
        more, self._more = self._more, trio.Event()
        more.set()


@asynccontextmanager
async def run_recorder(
    folder: Path,
    rooms: Iterable[str],
    *,
    initialise: bool = True,
    port: int | None = None,
    wrapper: Sequence[str] = (),
    program: Sequence[str] = (),
    arguments: Sequence[str] = (),
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
    content: str | None = None,
    view_keys: Mapping[str, str] | None = None,
    state: Path | None = None,
    patience_s: float = 0.0,
    **sections: Mapping[str, object],
) -> AsyncIterator[Recorder]:
    """The program, listening. A test that is through with it stops it, or leaving does.

    Leaving demands the exit code 0 of a program that still runs, that its log shows no traceback,
    and that no secret stands in anything it wrote (`secrets`); when the test itself has failed, the
    program is killed and its log is shown.

    Args:
        initialise: `recorder init` first; without, the folder is as the test made it.
        port: the one that encoders of an earlier run still know; without, a free one.
        wrapper: a command that starts the program in its own place, as `strace -D` does.
        program: what the interpreter runs, in place of `-m recorder`.
        arguments: of `recorder run`, besides the configuration.
        pass_fds: descriptors it inherits.
        env: what its environment has besides.
        content: what its file holds instead of what `sections` make.
        view_keys: of the rooms that may be watched.
        patience_s: how long the program may wait for its disk before it listens.
        state, sections: see `configuration`.
    """
    config = configuration(folder, rooms, port or free_port(), state=state, **sections)
    for room, key in (view_keys or {}).items():
        config["rooms"][room]["view_key"] = key
    path = write_configuration(folder / "config.yaml", content or config)
    if initialise:
        made = await command("init", "--config", path, cwd=folder)
        assert made.code == 0, made.err
    with (folder / PRINTED).open("ab") as printed:
        process = await trio.lowlevel.open_process(
            [
                *(*wrapper, sys.executable, *(program or ("-m", "recorder"))),
                *("run", "--config", str(path), *arguments),
            ],
            cwd=folder,
            env={**environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=printed.fileno(),
            stderr=subprocess.PIPE,
            pass_fds=tuple(pass_fds),
        )
    recorder = Recorder(folder, config, process)
    answers = b""
    try:
        # The log is read until the process is gone, by the same scope that waits for that.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recorder._read_log, folder / "recorder.log")
            try:
                await recorder.line(r"(?i)\blisten", within_s=LINE_S + patience_s)
                yield recorder
                if process.poll() is None:
                    answers = await secrets.answers(recorder.page)
                    await recorder.stop()
            finally:
                if process.poll() is None:
                    process.kill()
    except BaseException:
        # pytest shows what a failed test wrote.
        sys.stdout.write(f"--- log of the program\n{recorder.log}\n---\n")
        raise
    finally:
        with trio.CancelScope(shield=True):
            # Killed above at the latest: this only collects it.
            await process.wait()
    assert not recorder.matching(r"^Traceback|^\s+\| Traceback"), recorder.log
    await _check_secrets(recorder, answers)


async def _check_secrets(recorder: Recorder, answers: bytes) -> None:
    hidden = secrets.secrets_in(recorder.config)
    printed = (recorder.folder / PRINTED).read_bytes()
    secrets.check_texts(hidden, stderr=recorder.log.encode(), stdout=printed, answers=answers)
    if recorder.process.returncode == 0:
        # Of one that was killed, the disk may be one that a test has stopped for ever.
        folders = secrets.folders_of(recorder.config)
        await trio.to_thread.run_sync(secrets.check_files, hidden, *folders)
