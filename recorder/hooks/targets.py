"""Targets: whom the configuration wants to be told of what. Pure.

A program or URL that stands under several kinds of events is one target with one queue, so that it
is told of everything in the order in which it happened.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

if TYPE_CHECKING:
    from recorder.config import HooksConfig


_NONE: Final[frozenset[str]] = frozenset()


@attrs.frozen
class Target:
    """One receiver.

    Attributes:
        key: what it is remembered by; the same in every process, and it gives nothing away.
        events: the kinds it is told of.
        command: the program and its arguments, or
        url: where to POST; never shown, it may carry a token.
    """

    key: str
    events: frozenset[str]
    command: tuple[str, ...] | None = None
    url: str = attrs.field(default="", repr=False)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.command[0] if self.command is not None else safe_url(self.url)


def targets_of(hooks: HooksConfig) -> tuple[Target, ...]:
    """All receivers, each once."""
    targets: dict[str, Target] = {}
    for kind, receivers in hooks.receivers.items():
        new = [
            *(Target(_key("", *each), _NONE, command=each) for each in receivers.commands),
            *(Target(_key(each), _NONE, url=each) for each in receivers.urls),
        ]
        for each in new:
            target = targets.get(each.key, each)
            targets[each.key] = attrs.evolve(target, events=target.events | {kind})
    return tuple(targets.values())


def safe_url(url: str) -> str:
    """As much of a URL as a log may hold."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _key(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
