"""Certificates for the tests: an authority of our own, and files as a technician has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    import trustme


def write_certificate(
    authority: trustme.CA,
    folder: Path,
    *,
    expires: dt.datetime | None = None,
    name: str = "localhost",
) -> dict[str, str]:
    """Write `cert.pem` and `key.pem`; gives the section `tls` of a configuration."""
    issued = authority.issue_cert(name, "127.0.0.1", not_after=expires)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return {"certificate": str(certificate), "private_key": str(key)}
