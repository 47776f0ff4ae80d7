"""What is delivered: one small file beside the journal, written by whoever delivers.

Owns what stands in that file. The recorder reads it too, to know what of the journal may go, and to
tell people that a receiver is away. How a file is replaced durably is told to whoever delivers.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recorder.hooks.targets import Target

log = logging.getLogger(__name__)

FILE: Final = "progress.json"
VERSION: Final = 1


@attrs.define
class TargetProgress:
    """Of one target.

    Attributes:
        after: the highest id that is done with.
        delivered, given_up: events, ever.
        failing_since: UTC, as text; None: it answers.
    """

    label: str
    after: int = 0
    delivered: int = 0
    given_up: int = 0
    failing_since: str | None = None


@attrs.define
class Progress:
    """Of all targets, by their keys; `outbox` says whose ids these are."""

    outbox: str = ""
    targets: dict[str, TargetProgress] = attrs.field(factory=dict)

    def settle(self, targets: Iterable[Target]) -> None:
        """Know exactly these targets. A new one is told of what others still wait for, and of all
        that comes."""
        lowest = self.lowest
        self.targets = {
            target.key: self.targets.get(target.key) or TargetProgress(target.label, lowest)
            for target in targets
        }

    def begin(self, outbox: str) -> None:
        """Ids begin anew."""
        self.outbox = outbox
        for each in self.targets.values():
            each.after = 0

    @property
    def lowest(self) -> int:
        """Everything up to this id is done with."""
        return min((each.after for each in self.targets.values()), default=0)

    def to_bytes(self) -> bytes:
        return json.dumps({"version": VERSION, **attrs.asdict(self)}, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Progress:
        """Raises ValueError where it is damaged."""
        try:
            document = json.loads(data)
            if document["version"] != VERSION:
                raise ValueError("another version")
            targets = {
                str(key): _target_progress(each) for key, each in document["targets"].items()
            }
            return cls(str(document["outbox"]), targets)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("damaged") from error


def load_progress(folder: Path) -> Progress:
    """What is remembered; nothing where it is missing or damaged. Blocking.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return Progress.from_bytes((folder / FILE).read_bytes())
    except FileNotFoundError:
        return Progress()
    except ValueError:
        log.warning(
            "What was delivered is not remembered, %s is damaged: hooks may be told again.",
            folder / FILE,
        )
        return Progress()


def _target_progress(document: dict[str, Any]) -> TargetProgress:
    since = document["failing_since"]
    return TargetProgress(
        label=str(document["label"]),
        after=int(document["after"]),
        delivered=int(document["delivered"]),
        given_up=int(document["given_up"]),
        failing_since=None if since is None else str(since),
    )
