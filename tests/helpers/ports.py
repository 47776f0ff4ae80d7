"""Ports for programs that are about to start, while other tests run beside this one.

A port that nobody listens on yet can be kept for nobody: whoever asks the kernel for a free one in
the meantime may get the same. So each process of tests takes a hundred ports for as long as it
lives, by a name that the kernel gives only once and takes back when the process is gone. They lie
below those that the kernel gives to connections.
"""

from __future__ import annotations

import itertools
import socket
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = 20_000
LAST = 32_767
AT_ONCE = 100
"""They come around again when those who had them are gone."""

_kept: set[int] = set()


@cache
def _ports_of_this_process() -> tuple[socket.socket, Iterator[int]]:
    """What keeps others off our ports, and these, over and over."""
    for first in range(FIRST, LAST - AT_ONCE, AT_ONCE):
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0classroom-recorder-tests-{first}")
        except OSError:
            holder.close()
        else:
            return holder, itertools.cycle(range(first, first + AT_ONCE))
    raise AssertionError("other test runs have taken all ports there are for tests")


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on, and that no other test gets."""
    _, ports = _ports_of_this_process()
    for port in itertools.islice(ports, AT_ONCE):
        if port in _kept:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("somebody listens on every port of this test run")


@contextmanager
def kept_port() -> Iterator[int]:
    """The same, and nobody gets it until the end of the context, also while nobody listens: for a
    program that is gone and comes back, again and again."""
    port = free_port()
    _kept.add(port)
    try:
        yield port
    finally:
        _kept.discard(port)
