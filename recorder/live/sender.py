"""The sending half of a connection, apart from the receiving half.

OBS and librtmp do not read while they publish (protocol §4.3), so a send may block for hours
without anything being wrong: it must never hold up the reading. What waits is small and bounded,
because the protocol core writes only the newest acknowledgement and refuses to pile up the rest;
what a viewer is sent is bounded by its queue, and a viewer that does not read is let go. One that
is slow is not: what its system has acknowledged shows it, however long a single send takes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.rtmp import ServerConnection


LOOK_S: Final = 2.5
"""So often it is asked whether who plays takes anything."""

LEAST_TAKEN_BYTES: Final = 16 << 10
"""Who takes so much is slow and alive; who takes less of it in all the patience there is would need
half a minute for a single picture."""


class Sender:
    """Sends what the core has to say. `run` lives as long as its connection.

    Attributes:
        is_sending: the system has not taken yet what was last given to it.

    Args:
        taken_bytes: how much the peer has taken, since some moment; None: it is not known.
    """

    def __init__(
        self,
        stream: trio.abc.SendStream,
        connection: ServerConnection,
        taken_bytes: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._connection = connection
        self._taken_bytes = taken_bytes
        self._relays = trio.Event()
        self._due = trio.Event()
        self._sent = trio.Event()
        self._sent.set()
        self._deaf = False
        self.is_sending = False
        self._media: Callable[[], bytes] = bytes
        self._patience_s = math.inf
        self._patience = trio.CancelScope()
        self._on_stuck: Callable[[], None] = lambda: None

    def relay(
        self,
        media: Callable[[], bytes],
        *,
        patience_s: float,
        on_stuck: Callable[[], None],
    ) -> None:
        """From now on it is for who plays.

        Args:
            media: what to send when all is sent that the core has to say.
            patience_s: so long next to nothing may be taken of one send, and then `on_stuck` is
                called.
        """
        self._relays.set()
        self._media, self._on_stuck = media, on_stuck
        self.be_patient(patience_s)

    def be_patient(self, patience_s: float) -> None:
        """So long a send may take from now on, one that has begun included."""
        self._patience_s = patience_s
        self._patience.deadline = trio.current_time() + patience_s

    def relay_nothing(self) -> None:
        """Who played plays no more. A send that has begun still has its time, and nobody is told
        of its end."""
        self._relays = trio.Event()
        self._media, self._patience_s, self._on_stuck = bytes, math.inf, lambda: None

    def more_media(self) -> None:
        """There is something to take from what is relayed."""
        if not (self._deaf or self._due.is_set()):
            self._sent = trio.Event()
            self._due.set()

    def poke(self) -> None:
        """Something may be due."""
        if not self._connection.has_data_to_send:
            return
        if self._deaf:
            self._connection.data_to_send()
            return
        self._sent = trio.Event()
        self._due.set()

    async def sent(self) -> None:
        """Return when all that was due has been given to the system."""
        await self._sent.wait()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._renew_patience)
            await self._send_what_is_due()
            nursery.cancel_scope.cancel()

    async def _send_what_is_due(self) -> None:
        try:
            while True:
                await self._due.wait()
                self._due = trio.Event()
                # Once: an acknowledgement that became due meanwhile was not asked for, and one that
                # meets a closed socket costs what the encoder sent last (`Reading`).
                if data := self._connection.data_to_send():
                    await self._send(data)
                while not self._connection.has_answer_to_send and (data := self._media()):
                    await self._send(data)
                if not self._due.is_set():
                    self._sent.set()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The peer is gone, or only stopped listening. What it sent before may still lie in
            # the receive buffer: the reading side goes on to its end and says what happened.
            self._deaf = True
            self._sent.set()

    async def _send(self, data: bytes) -> None:
        self.is_sending = True
        with trio.move_on_after(self._patience_s) as self._patience:
            await self._stream.send_all(data)
            self.is_sending = False
        if self._patience.cancelled_caught:
            self._on_stuck()
            # What was begun cannot be finished: nothing else can be said any more.
            raise trio.BrokenResourceError

    async def _renew_patience(self) -> None:
        """Whoever goes on taking has more time, for whatever size. Looked at beside the sends, so
        that one which is taken at once costs nothing for it."""
        seen_bytes = 0
        while True:
            await self._relays.wait()
            await trio.sleep(LOOK_S)
            taken_bytes = self._taken_bytes()
            if taken_bytes is not None and taken_bytes - seen_bytes >= LEAST_TAKEN_BYTES:
                seen_bytes = taken_bytes
                self.be_patient(self._patience_s)
