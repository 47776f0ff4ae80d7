"""`make bench`: weighs the recorder beside other servers, and writes the table and the picture.

Takes about an hour at full size, with nothing else on the machine; `--rounds 1 --seconds 10` to
look whether it works. Results are saved after every round, so an end before the end loses little.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from tests.bench import idle, node_media_server, picture, report, results, retention, watched
from tests.bench.capture import capture, make_media
from tests.bench.servers import Floor, NginxRtmp, Recorder, has_nginx
from tests.bench.small_memory import small_memory
from tests.bench.weigh import Load, weigh
from tests.helpers.encoders import Encoder
from tests.helpers.program import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.capture import Capture
    from tests.bench.results import Results, Weight
    from tests.bench.servers import Server
    from tests.bench.small_memory import SmallMemory

GIGABYTES: Final = 1.0
"""At least so much in every run."""

NGINX_CHUNK: Final = 4096
"""What nginx-rtmp announces by default, so what ffmpeg sends to most servers there are."""

GROWTH: Final = (1, 10, 50, 200)

PARTS: Final = ["full-4096", "full-128", "real-time", "growth", "idle", "retention", "watched"]

WATCHED_S: Final = 15.0
"""Long enough for a viewer that never reads to be dropped."""


@attrs.define
class Bench:
    """One benchmark: what is weighed, with what, and what was found."""

    folder: Path
    seconds: float
    rounds: int
    memory: SmallMemory | None
    found: Results

    def compare(self, name: str, servers: Sequence[Server], load: Load) -> None:
        """Weigh the servers in turn, every second round in the opposite order."""
        rounds = self.found.comparisons[name] = []
        for number in range(self.rounds):
            order = servers if number % 2 == 0 else servers[::-1]
            rounds.append({server.name: self._weigh(name, server, load) for server in order})
            self.save()

    def grow(self, media: Capture) -> None:
        """More and more rooms in real time; the most of them also make a comparison."""
        for rooms in GROWTH:
            load = Load(capture=media, rooms=rooms, seconds=self.seconds, is_paced=True)
            name = f"{rooms} rooms x 1 Mbit/s in real time"
            weights = [self._weigh(name, Recorder(), load) for _ in range(self.rounds)]
            self.found.growth[str(rooms)] = weights
            if name == results.ROOMS_200:
                self.found.comparisons[name] = [{each.server: each} for each in weights]
            self.save()

    def idle(self) -> None:
        for figures in idle.measure(self.folder, max(5, self.rounds)):
            self.found.figures[figures.name] = figures
        self.save()

    def retention(self) -> None:
        for figures in retention.measure(self.folder / "retention", max(5, self.rounds)):
            self.found.figures[figures.name] = figures
        self.save()

    def watched(self, media: Capture) -> None:
        folder = self.folder / "watched"
        for figures in watched.measure(media, folder, max(5, self.rounds), WATCHED_S):
            self.found.figures[figures.name] = figures
        self.save()

    def save(self) -> None:
        self.found.save(self.folder / "results.json")

    def _weigh(self, name: str, server: Server, load: Load) -> Weight:
        weight = weigh(server, load, self.folder / "run", self.memory)
        void = f", VOID: {weight.missing} frames missing" if weight.missing else ""
        click.echo(
            f"{name}: {server.name}: {weight.machine_s_per_gb:.2f} CPU s/GB of the machine, "
            f"{weight.tree_cpu_s / weight.gb:.2f} of its processes, {weight.gb:.2f} GB in "
            f"{weight.seconds:.0f} s, {weight.peak_mb:.0f} MB{void}"
        )
        return weight


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=CHECKOUT / "bench",
    help="Where everything is written; on the disk that is to be measured.",
)
@click.option("--rounds", default=5, help="Paired runs of each comparison.")
@click.option("--seconds", default=30.0, help="Length of a run, at least; 1 GB at least, too.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(
        ["full-4096", "full-128", "real-time", "growth", "idle", "retention", "watched"]
    ),
    help="Only this part; may be given several times.",
)
@click.option("--leave-out", multiple=True, help="A server, by its name in the table.")
@click.option("--render", is_flag=True, help="Only make table and picture of saved results.")
def main(
    folder: Path,
    rounds: int,
    seconds: float,
    only: tuple[str, ...],
    leave_out: tuple[str, ...],
    *,
    render: bool,
) -> None:
    """Weigh the recorder beside nginx-rtmp, a bare floor and Node-Media-Server."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = folder / "results.json"
    if not render:
        servers = [each for each in _servers(folder) if each.name not in leave_out]
        with small_memory() as memory:
            found = (
                results.load(saved)
                if saved.exists()
                else results.Results(machine={}, comparisons={}, figures={}, growth={})
            )
            bench = Bench(folder, seconds, rounds, memory, found)
            _measure(bench, servers, set(only))
    _render(results.load(saved))


def _servers(folder: Path) -> list[Server]:
    """All that can be weighed here; what cannot is named."""
    servers: list[Server] = [Recorder(checksums=False), Recorder()]
    if has_nginx():
        servers.append(NginxRtmp())
    else:
        click.echo("nginx-rtmp is left out: apt install nginx-light libnginx-mod-rtmp")
    servers.append(Floor())
    node = node_media_server.install(folder / "npm")
    if node is None:
        click.echo("Node-Media-Server is left out: node and npm are not there.")
    else:
        servers.append(node)
    return servers


def _measure(bench: Bench, servers: Sequence[Server], only: set[str]) -> None:
    bench.found.machine.update(_machine(bench, servers))
    media = {kilobits: make_media(bench.folder, kilobits) for kilobits in (1000, 4000)}
    ffmpeg = capture(Encoder.DEBIAN_FFMPEG, media[4000], chunk_size=NGINX_CHUNK)
    gstreamer = capture(Encoder.RTMP2SINK, media[4000], chunk_size=NGINX_CHUNK)
    small = capture(Encoder.DEBIAN_FFMPEG, media[1000], chunk_size=NGINX_CHUNK)

    def full(of: Capture) -> Load:
        return Load(capture=of, rooms=4, seconds=bench.seconds, gigabytes=GIGABYTES, is_paced=False)

    def is_wanted(part: str) -> bool:
        return not only or part in only

    if is_wanted("idle"):
        bench.idle()
    if is_wanted("retention"):
        bench.retention()
    if is_wanted("watched"):
        bench.watched(small)
    if is_wanted("full-4096"):
        bench.compare(results.FULL_4096, servers, full(ffmpeg))
    if is_wanted("full-128"):
        bench.compare(results.FULL_128, servers, full(gstreamer))
    if is_wanted("real-time"):
        # 50 rooms at 4 Mbit/s need 40 s for a gigabyte.
        load = Load(capture=ffmpeg, rooms=50, seconds=max(40.0, bench.seconds), is_paced=True)
        bench.compare(results.ROOMS_50, servers, load)
    if is_wanted("growth"):
        bench.grow(small)


def _render(found: Results) -> None:
    readme, image = CHECKOUT / "README.md", CHECKOUT / "tests" / "bench" / "results.svg"
    readme.write_text(report.write_into(readme.read_text(), found))
    image.write_text(picture.svg(found))
    click.echo(f"Written into {readme.name} and {image.name}.")


def _machine(bench: Bench, servers: Sequence[Server]) -> dict[str, str]:
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in processors if "model name" in line]
    memory = Path("/proc/meminfo").read_text().split()[1]
    kind = subprocess.run(
        ["findmnt", "--noheadings", "--output=FSTYPE", "--target", str(bench.folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    limit = "" if bench.memory is None else ", each server in a control group of 1 GiB"
    return {
        "CPU": f"{models[0] if models else platform.machine()}, {len(models)} cores",
        "memory": f"{int(memory) / 1024**2:.0f} GiB{limit}",
        "file system": kind,
        "kernel": platform.release().partition("-")[0],
        "Python": platform.python_version(),
        **{server.name: server.version() for server in servers},
        "date": time.strftime("%Y-%m-%d"),
    }


if __name__ == "__main__":
    if shutil.which("ffmpeg") is None or shutil.which("gst-launch-1.0") is None:
        sys.exit("The benchmark needs ffmpeg and GStreamer: see DEBIAN_FOR_TESTS in the Makefile.")
    main()
