"""One room: who publishes in it, and what becomes of its recording when the publisher goes.

Owns the room's present publisher and its reconnect window. A lost publisher leaves its recording
open until the window ends; a clean end closes it at once (design §2). Does not decide who may
publish (reception does) and does not know how a message is read (the session does).

Everything is synchronous: a session's cleanup can call it while it is cancelled.
"""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from recorder.live.audience import Audience
from recorder.live.takeover import TakeoverHistory
from recorder.logs import about, of_room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recorder.live.publisher import Publisher
    from recorder.live.recorder import Recorder
    from recorder.recording.actions import Media
    from recorder.recording.manifest import Client

log = logging.getLogger(__name__)

NOBODY: Final = "nobody publishes any more"
STOPPED: Final = "an operator has stopped it"


class NotNowError(Exception):
    """What an operator asks of a room cannot be done now; the text is one sentence."""


class Room:
    """One room and what happens in it. `on_change` is called when its window opens or closes.

    Attributes:
        publishes: how many have begun; the newest is `publisher`'s.
    """

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        *,
        reconnect_window_s: float,
        on_change: Callable[[], None],
        title: str | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self._log = of_room(log, name)
        self.recorder = recorder
        self.audience = Audience(lambda: recorder.stream_head)
        self.takeovers = TakeoverHistory()
        self.publisher: Publisher | None = None
        self.publishes = 0
        self._past_bytes = 0
        self.window_ends_s = math.inf
        self.reconnect_window_s = reconnect_window_s
        self._on_change = on_change

    @property
    def in_use(self) -> bool:
        return self.publisher is not None or self.recorder.is_open or not self.recorder.is_settled

    @property
    def received_bytes(self) -> int:
        """All that publishers have sent into it since the start of the process, in bytes as on the
        wire: chunks, and records of TLS, are counted in; what TCP and IP add is not."""
        return self._past_bytes + (0 if self.publisher is None else self.publisher.received_bytes)

    def begin(self, publisher: Publisher, client: Client, *, gap_reason: str) -> None:
        """A publisher was accepted; the room must be free of any other."""
        self.publisher = publisher
        self.publishes += 1
        self.recorder.publisher_arrived(client, gap_reason=gap_reason)
        self.window_ends_s = math.inf
        publisher.software = client.software
        self._on_change()
        self._log.info("%s publishes with %s", client.address, client.called)

    def end(self, publisher: Publisher, counts: Mapping[str, int]) -> None:
        """The publisher ended it cleanly: so does the recording."""
        if self.publisher is publisher:
            self._let_go(counts)
            self.recorder.end("unpublished")
            self.audience.recording_ended(NOBODY)
            self._on_change()

    def replace(self, publisher: Publisher, counts: Mapping[str, int]) -> None:
        """Another publisher takes its place at once; the recording goes on."""
        if self.publisher is publisher:
            self._let_go(counts)

    def lose(self, publisher: Publisher, counts: Mapping[str, int]) -> None:
        """The publisher is gone without a word: its recording waits for it to come back."""
        if self.publisher is publisher:
            self._let_go(counts)
            if self.recorder.is_open:
                self.wait(self.reconnect_window_s)
            else:
                self.audience.recording_ended(NOBODY)
            self._on_change()

    def wait(self, seconds: float) -> None:
        """The open recording waits so long for its publisher."""
        self.window_ends_s = trio.current_time() + seconds
        number = self.recorder.number
        which = "the recording" if number is None else f"recording {number}"
        self._log.info("%s waits %.0f s for its publisher", which, seconds)
        self._on_change()

    # What its publisher sends: to be recorded first, then to whoever watches.

    def media(self, kind: int, timestamp: int, body: bytes, now_ms: int) -> None:
        """One audio or video message; `kind` is its FLV tag type, `timestamp` as on the wire."""
        self.recorder.media(kind, timestamp, body, now_ms)
        if self.audience:
            self._relay(partial(self.audience.media, kind, timestamp, body, now_ms))

    def media_run(self, media: Sequence[Media], now_ms: int) -> None:
        """Audio and video messages in the order of arrival."""
        if self.audience:
            # One by one: a viewer begins with the headers that stand before its first keyframe.
            for kind, timestamp, _, _, pieces in media:
                self.media(kind, timestamp, b"".join(pieces), now_ms)
        else:
            self.recorder.media_run(media, now_ms)

    def data(self, name: str | None, payload: bytes, timestamp: int, now_ms: int) -> None:
        """One data message, AMF0 from its handler's name on."""
        self.recorder.data(name, payload, timestamp, now_ms)
        if self.audience:
            self._relay(partial(self.audience.data, name, timestamp, payload, now_ms))

    def _relay(self, relay: Callable[[], None]) -> None:
        try:
            relay()
        except Exception:
            # A fault of ours in what viewers get must not cost the recording (promise 7).
            log.exception(
                "%s: what its viewers get failed; this is a fault of the recorder",
                self.name,
                extra=about(self.name),
            )
            self.audience.end("a fault of the recorder")

    # What an operator asks. Each raises NotNowError.

    def split(self) -> None:
        """Another recording begins at the next keyframe, without a gap."""
        if self.publisher is None or self.recorder.is_stopped or not self.recorder.is_open:
            raise NotNowError(f"{self.name}: nothing is being recorded that could be split.")
        self.recorder.split()
        self._log.info("split by an operator")

    def stop(self) -> None:
        """The recording ends; nothing is recorded, and nobody watches, until `start` or until the
        publisher leaves."""
        if self.recorder.is_stopped:
            raise NotNowError(f"{self.name}: it is stopped already.")
        if self.publisher is None and not self.recorder.is_open:
            raise NotNowError(f"{self.name}: nobody publishes, so nothing can be stopped.")
        # Whoever presses stop wants what is said now to stay in the room.
        self.audience.end(STOPPED)
        if self.publisher is None:
            self.close("stopped")
            self._on_change()
            return
        publisher = self.publisher
        counts = publisher.connection.counts(publisher)
        self.recorder.stop(int(trio.current_time() * 1000), counts)
        # The next recording has its own.
        publisher.counted = {
            name: publisher.counted.get(name, 0) + number for name, number in counts.items()
        }
        self._log.warning("stopped by an operator; nothing is recorded until start")

    def start(self) -> None:
        """Another recording begins at the next keyframe."""
        if not self.recorder.is_stopped:
            raise NotNowError(f"{self.name}: it is not stopped.")
        self.recorder.start(int(trio.current_time() * 1000))
        self._log.info("started by an operator")

    def close(self, reason: str) -> None:
        """End the recording that waits, if one does."""
        self.window_ends_s = math.inf
        self.recorder.end(reason)
        self.audience.recording_ended(NOBODY)

    def _let_go(self, counts: Mapping[str, int]) -> None:
        self._past_bytes = self.received_bytes
        self.publisher = None
        self.recorder.publisher_left(int(trio.current_time() * 1000), counts)
        self.audience.publisher_left()
