"""The handshake: 1537 bytes in, 3073 out, 1536 in (protocol §1).

Owns C0 to C2 and S0 to S2. The form is the client's: plain, or with a digest (`digest`) to who
sends one, because some players play nothing without (§1.4 rule 3). Takes its bytes off the front of
the connection's input and leaves the rest: `connect` usually shares a TCP segment with C2 (rule 5).
"""

from __future__ import annotations

import enum
from typing import Final

from recorder.rtmp import digest
from recorder.rtmp.errors import Hint, LocalProtocolError, RemoteProtocolError

VERSION: Final = 3
PACKET_BYTES: Final = 1536
FILLER_BYTES: Final = 1528
_C0_C1_BYTES: Final = 1 + PACKET_BYTES

_RTMPE_VERSIONS: Final = frozenset((6, 8, 9))
_TLS_HANDSHAKE_RECORD: Final = 0x16
_HTTP_METHOD_INITIALS: Final = frozenset(b"CDGHOPT")
"""CONNECT, DELETE, GET, HEAD, OPTIONS, POST/PUT, TRACE."""


class Expect(enum.Enum):
    """What the peer has to send next."""

    C0_C1 = "C0 and C1"
    C2 = "C2"
    NOTHING = "nothing"


class Handshake:
    """The server's side of it."""

    def __init__(self, filler: bytes) -> None:
        """Take the 1528 bytes that fill S1. They need not be secret: nothing checks them."""
        if len(filler) != FILLER_BYTES:
            raise LocalProtocolError(f"the filler of S1 has {FILLER_BYTES} bytes")
        self._filler = filler
        self.expect = Expect.C0_C1

    def advance(self, received: bytearray) -> bytes:
        """Take what belongs to the handshake off the front; return the answer that became due.

        Raises:
            RemoteProtocolError: the first byte is not RTMP's. It alone decides, so that a peer gets
                the same verdict however its bytes are split.
        """
        answer = b""
        if self.expect is Expect.C0_C1:
            if received and received[0] != VERSION:
                raise _strange_version(received[0])
            if len(received) < _C0_C1_BYTES:
                return b""
            # Rule 1: S0, S1 and S2 in one write; HaishinKit stalls on less and breaks on more.
            answer = bytes((VERSION,)) + self._s1_s2(bytes(received[1:_C0_C1_BYTES]))
            del received[:_C0_C1_BYTES]
            self.expect = Expect.C2
        # Rule 4: C2 is consumed, not checked: clients echo different things.
        if self.expect is Expect.C2 and len(received) >= PACKET_BYTES:
            del received[:PACKET_BYTES]
            self.expect = Expect.NOTHING
        return answer

    def _s1_s2(self, c1: bytes) -> bytes:
        found = digest.find_digest(c1)
        if found is not None:
            return digest.answer(*found, self._filler)
        # Rule 2: S1's version bytes are zero, or a reading ffmpeg demands a digest; S2 is C1.
        # Streamlabs checks it, librtmp compares all of it.
        return bytes(8) + self._filler + c1


def _strange_version(version: int) -> RemoteProtocolError:
    """Name what came instead (rule 6)."""
    if version in _RTMPE_VERSIONS:
        return RemoteProtocolError(f"encrypted RTMP (version {version})", Hint.RTMPE)
    if version == _TLS_HANDSHAKE_RECORD:
        return RemoteProtocolError("a TLS hello on the plain port", Hint.TLS)
    if version in _HTTP_METHOD_INITIALS:
        return RemoteProtocolError("HTTP, or another text protocol", Hint.HTTP)
    return RemoteProtocolError(f"the first byte is {version:#04x}, not RTMP's", Hint.NOT_RTMP)
