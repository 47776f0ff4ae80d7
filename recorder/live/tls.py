"""The server side of TLS around an encoder's connection (RTMPS).

Owns the records: a stream of bytes on one side, a stream of records on the other. Knows nothing
of RTMP. Trio's own SSLStream gives back one record for each read, 16 KiB at most, so that a pause
behind each read (`pace`) would starve a fast encoder; this one gives back all that has arrived.

The end is told by RTMP, not by TLS: encoders leave with and without a close_notify, nobody needs
to wait for one (RFC 8446, section 6.1), and a message cut off is no message in RTMP either.
"""

from __future__ import annotations

import ssl
from typing import Final

import trio

RECORD_BYTES: Final = 1 << 14
"""The most plaintext in one record (RFC 8446, section 5.1): what OpenSSL gives at a time."""

MOST_OWED_BYTES: Final = 1 << 16
"""Answers that TLS itself owes wait for the next send. A peer that asks for so many is hostile."""

_HANDSHAKE: Final = b"\x16"
"""The record that begins every TLS connection (RFC 8446, section 5.1)."""

_RTMP: Final = b"\x03"
"""C0 (protocol §1.4)."""


class TlsError(trio.BrokenResourceError):
    """The peer speaks no TLS, or none that both sides know; the text is for the log."""


class TlsStream(trio.abc.HalfCloseableStream):
    """TLS over a stream. The handshake comes with the first read, and before any send.

    One task may read while another sends. Only the handshake sends in a read, for a read may be
    cancelled at any time: what TLS owes later, as for a key update, goes with the next send
    (RFC 8446, section 4.6.3).
    """

    def __init__(self, transport: trio.abc.HalfCloseableStream, context: ssl.SSLContext) -> None:
        self._transport = transport
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_open = False
        self._has_ended = False
        self._fault: TlsError | None = None
        self.taken_bytes = 0
        """So many bytes of records were taken from the transport."""

    async def receive_some(self, max_bytes: int | None = None) -> bytearray:
        """All that has arrived, little more than `max_bytes` at the most; nothing at the end.

        Raises:
            TlsError: see there.
            trio.BrokenResourceError: the transport broke.
        """
        most = RECORD_BYTES if max_bytes is None else max_bytes
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._is_open:
            await self._shake_hands()
        data = self._decrypt(most)
        while not data and not self._has_ended:
            # Twice: who reads less than `most` has everything, however small the records are.
            await self._take(2 * most)
            data = self._decrypt(most)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Raises:
        TlsError: a read has failed before; OpenSSL then writes nothing any more.
        trio.BrokenResourceError: the transport broke.
        """
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise TlsError(_why(error)) from None
        await self._send_records()

    async def wait_send_all_might_not_block(self) -> None:
        await self._transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Without a close_notify: behind one OpenSSL reads no more, and what the peer still sends
        must be read for our last words to reach it (protocol §4.4)."""
        await self._transport.send_eof()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _shake_hands(self) -> None:
        first = bytes(await self._transport.receive_some(RECORD_BYTES))
        if first and not first.startswith(_HANDSHAKE):
            raise TlsError(_other_than_tls(first))
        self._enter(first)
        while True:
            self._go_on()
            # Also the alert that tells the peer why.
            await self._send_records()
            if self._fault is not None:
                raise self._fault
            if self._is_open:
                return
            if self._has_ended:
                raise TlsError("the encoder left in the TLS handshake")
            await self._take(RECORD_BYTES)

    def _go_on(self) -> None:
        """With the handshake, as far as it goes."""
        try:
            self._tls.do_handshake()
            self._is_open = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._fault = TlsError(_why(error))

    async def _take(self, most: int) -> None:
        self._enter(await self._transport.receive_some(most))

    def _enter(self, records: bytes | bytearray) -> None:
        self.taken_bytes += len(records)
        self._incoming.write(records)
        self._has_ended = not records

    def _decrypt(self, most: int) -> bytearray:
        data = bytearray()
        try:
            while len(data) < most:
                piece = self._tls.read(RECORD_BYTES)
                if not piece:  # a close_notify
                    self._has_ended = True
                    break
                data += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._fault = self._fault or TlsError(_why(error))
            # What stood before it is good; the next read finds the fault again.
            if not data:
                raise self._fault from None
        if self._outgoing.pending > MOST_OWED_BYTES:
            raise TlsError("the encoder asks TLS for more answers than it takes")
        return data

    async def _send_records(self) -> None:
        if records := self._outgoing.read():
            await self._transport.send_all(records)


def _other_than_tls(data: bytes) -> str:
    if data.startswith(_RTMP):
        return (
            "RTMP without TLS on the port for RTMPS; set the encoder to rtmps://, or to a port "
            "of rtmp.listen"
        )
    return "no TLS on the port for RTMPS"


_DISTRUST: Final = "; the encoder does not trust the certificate of rtmp.tls"
_REMEDY: Final = {
    "TLSV1_ALERT_UNKNOWN_CA": _DISTRUST,
    "SSLV3_ALERT_BAD_CERTIFICATE": _DISTRUST,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _DISTRUST,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "; the certificate of rtmp.tls has expired",
    "UNSUPPORTED_PROTOCOL": "; the encoder must speak TLS 1.2 or later",
    "NO_SHARED_CIPHER": "; the encoder and the recorder know no cipher in common",
}
"""By OpenSSL's names, what a technician can do."""


def _why(error: ssl.SSLError) -> str:
    reason = error.reason or "for no reason given"
    return f"TLS failed: {reason.replace('_', ' ').lower()}{_REMEDY.get(reason, '')}"
