"""The servers that are weighed: how each is started, where it lets an encoder in, what it leaves.

Every one is a process of its own with a configuration of its own, on loopback, recording below the
folder it is given. Knows nothing of loads and of scales.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import attrs
import yaml

from recorder import __version__
from tests.bench.counting import missing_frames
from tests.bench.load import Entry
from tests.helpers.ports import free_port
from tests.helpers.program import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.load import Sent

NGINX: Final = "/usr/sbin/nginx"
NGINX_MODULE: Final = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")


class Server(Protocol):
    """Something that records what encoders publish."""

    @property
    def name(self) -> str: ...

    def version(self) -> str:
        """For the report."""

    def command(self, folder: Path, port: int, rooms: int) -> list[str]:
        """Write what configuration it needs into the folder; how it is started."""

    def entry(self, room: int) -> Entry:
        """Where the encoder of a room publishes; rooms count from 0."""

    def has_finished(self, folder: Path) -> bool:
        """Whether nothing is left to do for it, now that all encoders have gone."""

    def missing(self, folder: Path, sent: Sequence[Sent]) -> int:
        """How many frames that were sent are not in its files, of all rooms."""


def _room(number: int) -> str:
    return f"room{number:03}"


@attrs.frozen
class Recorder:
    """This program, as its users run it: durability on, the default configuration.

    Args:
        checksums: False: without the SHA-256 of closed segments.
    """

    checksums: bool = True

    @property
    def name(self) -> str:
        return "recorder" if self.checksums else "recorder without SHA-256"

    def version(self) -> str:
        return f"{__version__}, trio {importlib.metadata.version('trio')}"

    def command(self, folder: Path, port: int, rooms: int) -> list[str]:
        config = folder / "config.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "storage": {
                        "directory": str(folder / "recordings"),
                        "sync_interval": "5s",
                    },
                    "rtmp": {"listen": [f"127.0.0.1:{port}"]},
                    "status": {"listen": [f"127.0.0.1:{free_port()}"]},
                    "rooms": {
                        _room(at): {"key": _key(at), "view_key": f"view-{_key(at)}"}
                        for at in range(rooms)
                    },
                    "limits": {
                        "rooms": max(64, rooms),
                        "publishers": max(64, rooms),
                        "connections": max(256, 2 * rooms),
                    },
                }
            )
        )
        config.chmod(0o600)
        subprocess.run(
            [sys.executable, "-m", "recorder", "init", "--config", str(config)],
            check=True,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        module = "recorder" if self.checksums else "tests.bench.without_checksums"
        return [sys.executable, "-m", module, "run", "--config", str(config)]

    def page_port(self, folder: Path) -> int:
        """Where the page of the one in this folder is."""
        config = yaml.safe_load((folder / "config.yaml").read_text())
        return int(config["status"]["listen"][0].rpartition(":")[2])

    def entry(self, room: int) -> Entry:
        return Entry("live", f"{_room(room)}?key={_key(room)}")

    def view(self, room: int) -> str:
        """What a player asks for, of the application `live`."""
        return f"{_room(room)}?key=view-{_key(room)}"

    def has_finished(self, folder: Path) -> bool:
        storage = folder / "recordings"
        if self.checksums:
            # An entry goes when its recording lacks nothing, the checksums included.
            return not any((storage / ".recorder" / "open").iterdir())
        return not any(storage.glob("*/*/*/*.part"))

    def missing(self, folder: Path, sent: Sequence[Sent]) -> int:
        found = [(folder / "recordings" / _room(at)).glob("*/*/*.flv") for at in range(len(sent))]
        return missing_frames([list(paths) for paths in found], sent)


def _key(room: int) -> str:
    return f"key-of-a-benchmark-{room:03}"


@attrs.frozen
class NginxRtmp:
    """Debian's nginx with its RTMP module, one worker."""

    name: str = "nginx-rtmp"

    def version(self) -> str:
        said = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
        number = re.search(r"nginx/(\S+)", said)
        return f"nginx {number[1] if number else '?'}, {_debian_version('libnginx-mod-rtmp')}"

    def command(self, folder: Path, port: int, rooms: int) -> list[str]:
        records = folder / "records"
        records.mkdir()
        config = folder / "nginx.conf"
        config.write_text(
            f"""
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
load_module {NGINX_MODULE};
events {{ worker_connections 1024; }}
rtmp {{
    server {{
        listen 127.0.0.1:{port};
        chunk_size 4096;
        max_message 10M;
        application live {{
            live on;
            record all;
            record_path {records};
            record_unique off;
            record_suffix .flv;
        }}
    }}
}}
"""
        )
        return [NGINX, "-c", str(config), "-p", str(folder)]

    def entry(self, room: int) -> Entry:
        return Entry("live", _room(room))

    def has_finished(self, folder: Path) -> bool:
        return True

    def missing(self, folder: Path, sent: Sequence[Sent]) -> int:
        files = [[folder / "records" / f"{_room(at)}.flv"] for at in range(len(sent))]
        return missing_frames(files, sent)


@attrs.frozen
class Floor:
    """See `floor`. Its files hold the bytes as they came, so bytes are compared."""

    name: str = "floor"

    def version(self) -> str:
        return f"trio {importlib.metadata.version('trio')}"

    def command(self, folder: Path, port: int, rooms: int) -> list[str]:
        return [sys.executable, "-m", "tests.bench.floor", str(port), str(folder)]

    def entry(self, room: int) -> Entry:
        return Entry()

    def has_finished(self, folder: Path) -> bool:
        return True

    def missing(self, folder: Path, sent: Sequence[Sent]) -> int:
        recorded = sum(path.stat().st_size for path in folder.glob("*.bytes"))
        # Bare bytes have no frames of their own: one that is short by any is reported as one frame.
        return int(recorded != sum(each.wire_bytes for each in sent))


def _debian_version(package: str) -> str:
    said = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout or package


def has_nginx() -> bool:
    return os.access(NGINX, os.X_OK) and NGINX_MODULE.exists()
