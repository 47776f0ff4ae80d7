"""Contexts from files."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from recorder.tls import server_context
from tests.helpers.certificates import write_certificate


def test_what_is_older_than_tls_1_2_is_not_spoken(tmp_path: Path) -> None:
    files = write_certificate(trustme.CA(), tmp_path)
    context = server_context(Path(files["certificate"]), Path(files["private_key"]))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert ssl.OP_NO_RENEGOTIATION in context.options


def refused(certificate: Path, private_key: Path) -> str:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the whole text is looked at
        server_context(certificate, private_key)
    return str(caught.value)


def test_what_is_wrong_is_said_of_the_file_that_it_is_wrong_with(tmp_path: Path) -> None:
    for name in ("ours", "other"):
        (tmp_path / name).mkdir()
    found = write_certificate(trustme.CA(), tmp_path / "ours")
    certificate, private_key = Path(found["certificate"]), Path(found["private_key"])
    other = Path(write_certificate(trustme.CA(), tmp_path / "other")["private_key"])
    none, missing = tmp_path / "none.pem", tmp_path / "missing.pem"
    none.write_text("none")
    assert refused(missing, private_key) == f"{missing} cannot be read (No such file or directory)"
    assert refused(certificate, missing) == f"{missing} cannot be read (No such file or directory)"
    assert refused(tmp_path, private_key) == f"{tmp_path} cannot be read (Is a directory)"
    assert refused(none, private_key) == f"{none} holds no certificate as PEM"
    assert refused(certificate, other) == f"{other} is not the key of {certificate}"
    assert refused(certificate, none) == (
        f"{none} holds no key as PEM, or one that asks for a passphrase"
    )
