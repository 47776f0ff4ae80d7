"""Node-Media-Server beside the others, where node is there; npm installs it into a folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import attrs

from tests.bench.counting import missing_frames
from tests.bench.load import Entry
from tests.helpers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.load import Sent

INSTALL_S = 120.0


@attrs.frozen
class NodeMediaServer:
    """Args:
    package: where npm put it.
    """

    package: Path
    name: str = "node-media-server"

    def version(self) -> str:
        version = json.loads((self.package / "package.json").read_text())["version"]
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        return f"{version}, node {node.stdout.strip()}"

    def command(self, folder: Path, port: int, rooms: int) -> list[str]:
        config = folder / "config.json"
        config.write_text(
            json.dumps(
                {
                    "bind": "127.0.0.1",
                    "store": {"path": str(folder / "data"), "maxHistory": 10},
                    "auth": {"play": False, "publish": False, "jwt": {"users": []}},
                    "rtmp": {"port": port},
                    "http": {"port": free_port()},
                    "record": {"auto": True, "path": str(folder / "records")},
                }
            )
        )
        return ["node", str(self.package / "bin" / "app.js"), "-c", str(config), "--no-admin"]

    def entry(self, room: int) -> Entry:
        return Entry("live", f"room{room:03}")

    def has_finished(self, folder: Path) -> bool:
        return True

    def missing(self, folder: Path, sent: Sequence[Sent]) -> int:
        records = folder / "records" / "live"
        files = [list((records / f"room{at:03}").glob("*.flv")) for at in range(len(sent))]
        return missing_frames(files, sent)


def install(cache: Path) -> NodeMediaServer | None:
    """Have it, if node and npm are there and npm finds it; else None."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    package = cache / "node_modules" / "node-media-server"
    if not package.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--prefix", str(cache), "node-media-server"],
            check=False,
            timeout=INSTALL_S,
        )
    return NodeMediaServer(package) if package.exists() else None
