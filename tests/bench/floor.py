"""The floor: what a server on Trio costs that does nothing but put what it receives into files.

One connection, one file; 256 KiB receives, one `os.write` each, no pauses, no protocol, no promise.
Started by the benchmark: `python -m tests.bench.floor PORT FOLDER`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

import trio

RECEIVE_BYTES: Final = 256 << 10


async def serve(port: int, folder: Path) -> None:
    """Receive and write until SIGTERM."""
    connections = 0

    async def handle(stream: trio.SocketStream) -> None:
        nonlocal connections
        path = folder / f"{connections:04}.bytes"
        connections += 1
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            while data := await stream.receive_some(RECEIVE_BYTES):
                os.write(file, data)
        finally:
            os.close(file)

    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_tcp, handle, port)
            await anext(signals)
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(serve, int(sys.argv[1]), Path(sys.argv[2]))
