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


def test_a_certificate_that_is_none_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("none")
    with pytest.raises(OSError, match="PEM"):
        server_context(tmp_path / "cert.pem", tmp_path / "cert.pem")


def test_a_key_of_another_certificate_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = write_certificate(trustme.CA(), tmp_path)
    other = write_certificate(trustme.CA(), tmp_path / "other")
    with pytest.raises(OSError, match=r"(?i)key values mismatch"):
        server_context(Path(files["certificate"]), Path(other["private_key"]))
