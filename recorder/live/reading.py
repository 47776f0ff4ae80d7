"""Reading from a peer: when its bytes are taken, how many at a time, and how far that has come.

Owns the receiving half of the stream, the pauses in which bytes gather in the socket, and what
others may know of the peer through it: how long it has been silent, and whether all that it has
sent is handled. What the bytes mean and how long it may be waited for are told to it.

Silence counts only while we are reading: what we cause ourselves is not the peer's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import trio

from recorder.live.ending import ConnectionOver
from recorder.live.pace import GRID_S, LONGEST_S, ReadPace
from recorder.live.tls import TlsError

if TYPE_CHECKING:
    from recorder.live.sender import Sender
    from recorder.live.wire import Wire
    from recorder.rtmp import ServerConnection

READ_BYTES: Final = 1 << 20
"""One read takes all a fast sender has in flight, and all that gathers in a pause: fewer wake-ups,
one parse (design §4). At full speed 256 KiB cost a fifth more CPU; above 1 MiB nothing is won."""

GATHERED_BYTES: Final = 1 << 19
"""Behind a pause: few encoders fill more, and a MiB for each of 50 rooms leaves holes in memory
that nobody else fits into (98 MB at their peak, against 82). What is left is read at once."""

WATCHED_PAUSE_S: Final = GRID_S
"""Who watches live is behind by no more than that: players keep more ahead of what they show."""

QUIET_S: Final = 0.1
"""Who has more to send is not silent for so long; who waits for an acknowledgement is. And whom
we leave alone for so long sends slower than we read."""


LATE_S: Final = 0.5
"""So long behind its time a read is no encoder's doing: the process stood still, or had no turn."""


class Reading:
    """Of one connection.

    Attributes:
        handled_bytes: all that the peer has sent and we have handled.
        late_s: how long behind its pause's end the last read was.

    Args:
        connection: asked whether an acknowledgement is due, and nothing else.
        sender: sends it, when this is the moment.
    """

    def __init__(
        self,
        stream: trio.abc.ReceiveStream,
        wire: Wire,
        connection: ServerConnection,
        sender: Sender,
    ) -> None:
        self.handled_bytes = 0
        self.late_s = 0.0
        self._stream = stream
        self._wire = wire
        self._connection = connection
        self._sender = sender
        self._pace = ReadPace(trio.current_time())
        self._next_read_s = -math.inf
        self._read_bytes = READ_BYTES
        self._since_s: float | None = None
        self._scope = trio.CancelScope()
        self._hurry = trio.Event()
        self._handled = trio.Event()
        self._taken_bytes = wire.taken_bytes or (lambda: self.handled_bytes)
        self._settled_bytes = 0

    # The wait for bytes.

    async def take(self, deadline_s: float) -> bytes | bytearray | None:
        """Take what the peer has sent, b"" at its end; None at the deadline, or interrupted.

        Raises:
            ConnectionOver: the connection does not give any more.
        """
        self._since_s = trio.current_time()
        with trio.CancelScope(deadline=deadline_s) as self._scope:
            try:
                return await self._receive()
            except TlsError as error:
                raise ConnectionOver(str(error)) from None
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise ConnectionOver("the connection broke") from None
            finally:
                self._since_s = None
        return None

    async def _receive(self) -> bytes | bytearray:
        """An acknowledgement goes out only while the peer is slow or quiet. One that reaches a
        socket closed behind its last byte is answered by a reset, and the peer's system forgets
        what it has not sent yet (RFC 1122, section 4.2.2.13)."""
        self._read_bytes, self.late_s = READ_BYTES, 0.0
        pause_s = self._next_read_s - trio.current_time()
        if pause_s > 0:
            self._read_bytes = GATHERED_BYTES
            with trio.move_on_at(self._next_read_s):
                await self._hurry.wait()
            self.late_s = max(0.0, trio.current_time() - self._next_read_s)
        self._hurry = trio.Event()
        if pause_s < QUIET_S and self._connection.has_data_to_send:
            with trio.move_on_after(QUIET_S):
                return await self._stream.receive_some(self._read_bytes)
        self._sender.poke()
        return await self._stream.receive_some(self._read_bytes)

    def interrupt(self) -> None:
        """End the present wait for bytes, if there is one."""
        self._scope.cancel()

    async def to_its_end(self) -> None:
        """Take and forget what still comes, until the peer closes."""
        while await self._stream.receive_some(READ_BYTES):
            pass

    # Its pauses.

    def pause(self, read_bytes: int, now_s: float, *, is_watched: bool) -> None:
        """Leave the peer alone for a moment, after so much was read at this time."""
        self._next_read_s = self._pace.next_read_s(
            read_bytes,
            now_s,
            self._wire.buffer_bytes,
            is_all=read_bytes < self._read_bytes,
            longest_s=WATCHED_PAUSE_S if is_watched else LONGEST_S,
        )

    def measure_anew(self) -> None:
        """It had to wait for something else, and what comes now does not show the peer's rate."""
        self._pace.measure_anew(trio.current_time())

    # How far it has come.

    def silent_ms(self) -> int:
        """How long the peer has sent nothing while we were reading, in ms."""
        if self._since_s is None:
            return 0
        return int((trio.current_time() - self._since_s) * 1000)

    def has_handled(self, read_bytes: int) -> int:
        """So much was read, and all that came of it is done.

        Returns:
            So much was that on the wire.
        """
        self.handled_bytes += read_bytes
        settled_bytes, self._settled_bytes = self._settled_bytes, self._taken_bytes()
        self.wake_waiting()
        return self._settled_bytes - settled_bytes

    def wake_waiting(self) -> None:
        """Whoever waits for what is handled may look again."""
        handled, self._handled = self._handled, trio.Event()
        handled.set()

    @property
    def arrived_bytes(self) -> int:
        """All that the peer has sent by now, as far as the system has it; as on the wire."""
        return self._taken_bytes() + self._wire.unread_bytes()

    def has_come_to(self, arrived_bytes: int) -> bool:
        """All is handled that was there when `arrived_bytes` was this."""
        return self._settled_bytes >= arrived_bytes

    async def hurry(self) -> None:
        """Make no pause now, and return when something more is handled."""
        self._hurry.set()
        await self._handled.wait()
