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
        OSError: a file cannot be read, is no PEM, or they do not fit (ssl.SSLError).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # RFC 8996 forbids what came before.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A peer could have us compute for ever.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A key with a passphrase is refused: else OpenSSL would ask for it at the terminal, and wait.
    context.load_cert_chain(certificate, private_key, lambda: "")
    return context
