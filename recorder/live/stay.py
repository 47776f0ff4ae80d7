"""A connection's stay: for how long it may do nothing, and whether it has been asked to go. Pure.

Owns what is true of a connection that neither publishes nor watches: its time limits, its place in
the pool of such (design §7), and the reason to end that somebody else has found for it. Whoever
publishes or watches has been let in; then its stay has no limit here, until that is over.

Knows nothing of what it publishes or watches, and no clock: every time is on Trio's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.live.ending import ConnectionOver

HANDSHAKE_S: Final = 10.0
"""From the connection to the end of the handshake, whatever arrives (protocol §1.4.7)."""

PUBLISH_S: Final = 20.0
"""From the connection, or the end of what it did last, to a publish or a play; an absolute limit,
so that a byte now and then does not keep a place (protocol §6 row 33)."""


class Stay:
    """Of one connection.

    Attributes:
        peer: what to call it, by what it does, or did last.
        was_let_in: it publishes or watches, or it has.
        dismissal: it ends for this reason when it next reads, unless it is let in by then.

    Args:
        on_pending: told with False when the connection is let in or is over, with True when it has
            had its turn: what it was let in for has ended, or it never gets in.
        on_dismissed: told when it shall not go on waiting for its peer.
    """

    def __init__(
        self, now_s: float, *, on_pending: Callable[[bool], None], on_dismissed: Callable[[], None]
    ) -> None:
        self.peer = "peer"
        self.was_let_in = False
        self.dismissal: ConnectionOver | None = None
        self._on_pending = on_pending
        self._on_dismissed = on_dismissed
        self._handshake_by_s = now_s + HANDSHAKE_S
        self._publish_by_s = now_s + PUBLISH_S

    def let_in(self, peer: str) -> None:
        """It publishes (an "encoder") or watches (a "player") from now on."""
        self.peer = peer
        self.was_let_in = True
        self.dismissal = None
        self._on_pending(False)

    def is_free(self, now_s: float) -> None:
        """What it was let in for has ended; it may ask for something else."""
        self._publish_by_s = now_s + PUBLISH_S
        self._on_pending(True)

    def is_refused(self) -> None:
        """It does not get in, or not with this."""
        self._on_pending(True)

    def dismiss(self, over: ConnectionOver) -> None:
        """It shall end, unless it is let in before it next reads."""
        self.dismissal = over
        self._on_dismissed()

    def is_over(self) -> None:
        """Only its farewell is left. A stranger's place is needed for that too: see `has_heard`."""
        if self.was_let_in:
            self._on_pending(False)

    def has_heard(self) -> None:
        """It has its answer. A stranger keeps its place until it is gone: a crowd that lets us wait
        for it must not fill the house."""
        if not self.was_let_in:
            self._on_pending(True)

    def deadline(self, *, handshake_done: bool) -> tuple[float, str]:
        """When it has had its time, and what it has not done by then."""
        if not handshake_done:
            return self._handshake_by_s, f"no RTMP handshake within {HANDSHAKE_S:g} s"
        if self.was_let_in:
            return self._publish_by_s, f"the {self.peer} asked for nothing more in {PUBLISH_S:g} s"
        return self._publish_by_s, f"no publish and no play within {PUBLISH_S:g} s"
