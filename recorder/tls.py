"""TLS contexts from files, for every port that speaks TLS: one rule about versions.

Knows no sockets and no loop; a context is all it makes.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """A context for TLS 1.2 and up. Blocking.

    Args:
        certificate, private_key: PEM files; the first may hold a chain.

    Raises:
        OSError: a file cannot be read, is no PEM, or they do not fit; the text names the file.
    """
    for path in (certificate, private_key):
        # OpenSSL's own error names none.
        try:
            path.open("rb").close()
        except OSError as error:
            raise OSError(f"{path} cannot be read ({error.strerror})") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # RFC 8996 forbids what came before.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A peer could have us compute for ever.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A key with a passphrase is refused: else OpenSSL would ask for it at the terminal, and wait.
    try:
        context.load_cert_chain(certificate, private_key, lambda: "")
    except ssl.SSLError as error:
        raise OSError(_complaint(certificate, private_key, error.reason)) from error
    return context


def _complaint(certificate: Path, private_key: Path, reason: str) -> str:
    """Args:
    reason: OpenSSL's word.
    """
    if reason == "KEY_VALUES_MISMATCH":
        return f"{private_key} is not the key of {certificate}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except ssl.SSLError:
        return f"{certificate} holds no certificate as PEM"
    return f"{private_key} holds no key as PEM, or one that asks for a passphrase"
