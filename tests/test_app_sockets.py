"""The sockets that systemd passes: what each is for, and whether the configuration agrees."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import trio

from recorder.app_listeners import StartError
from recorder.app_sockets import Passed, Sockets, look_at, object_to
from recorder.config import Config, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "a-long-enough-key-1"
RTMP = Passed(name="rtmp", descriptor=3, address="0.0.0.0:1935")
HTTP = Passed(name="http", descriptor=4, address="127.0.0.1:8080")
OPEN_HTTP = Passed(name="http", descriptor=4, address="0.0.0.0:8080")
DUAL = Passed(name="rtmp", descriptor=3, address="[::]:1935", is_dual=True)
HASH = f"scrypt$14$8$1${'A' * 22}==${'A' * 43}="


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket as systemd makes it."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def configured(tmp_path: Path, text: str = "") -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(f"{text}\nrooms: {{room101: {{key: {KEY}}}}}\n")
    path.chmod(0o600)
    return load(path)


def why_not(config: Config, *passed: Passed) -> str:
    with pytest.raises(StartError) as caught:
        Sockets(passed).settle(config)
    return str(caught.value)


# --- what is passed ---------------------------------------------------------


def test_a_passed_socket_is_known_by_its_name_and_real_address(listening: socket.socket) -> None:
    (found,) = look_at([(listening.fileno(), "rtmp")]).passed or ()
    host, port = listening.getsockname()
    assert found == Passed(
        name="rtmp", descriptor=listening.fileno(), address=f"{host}:{port}", is_dual=False
    )
    assert listening.fileno() >= 0, "looking at it closes nothing"


@pytest.mark.parametrize("is_dual", [True, False])
def test_an_ipv6_socket_says_whether_it_takes_ipv4_too(is_dual: bool) -> None:
    with socket.socket(socket.AF_INET6) as made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_dual)
        made.bind(("::", 0))
        made.listen()
        (found,) = look_at([(made.fileno(), "http")]).passed or ()
        assert found.is_dual == is_dual
        assert found.address == f"[::]:{made.getsockname()[1]}"


def test_nothing_passed_says_how_to_start_the_recorder() -> None:
    with pytest.raises(StartError, match="systemctl start recorder"):
        look_at([])


def test_a_descriptor_that_is_not_open_is_named() -> None:
    with pytest.raises(StartError, match="http that systemd passes as descriptor 999999"):
        look_at([(999_999, "http")])


def test_a_descriptor_that_is_no_socket_is_named(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(StartError, match="descriptor"):
        look_at([(file.fileno(), "http")])


@pytest.mark.parametrize(
    ("name", "family", "kind", "listens", "reason"),
    [
        ("unknown", socket.AF_INET, socket.SOCK_STREAM, True, "FileDescriptorName=rtmp or"),
        ("rtmp", socket.AF_UNIX, socket.SOCK_STREAM, True, "none of TCP"),
        ("rtmp", socket.AF_INET, socket.SOCK_DGRAM, False, "none of TCP"),
        ("http", socket.AF_INET6, socket.SOCK_STREAM, False, "does not listen"),
    ],
)
def test_what_nobody_can_connect_to_is_refused(
    name: str, family: int, kind: int, listens: bool, reason: str
) -> None:
    assert reason in (object_to(name, family, kind, listens=listens) or "")


def test_a_real_socket_of_the_wrong_kind_is_refused() -> None:
    with socket.socket() as made, pytest.raises(StartError, match="does not listen"):
        look_at([(made.fileno(), "rtmp")])


async def test_a_passed_socket_is_accepted_from(listening: socket.socket) -> None:
    sockets = look_at([(listening.dup().detach(), "rtmp")])
    (listener,) = await sockets.open("rtmp", [])
    async with listener:
        with trio.fail_after(5):
            client = await trio.open_tcp_stream(*listening.getsockname())
            async with client, await listener.accept():
                pass


async def test_a_name_that_was_not_passed_is_said(listening: socket.socket) -> None:
    sockets = look_at([(listening.fileno(), "rtmp")])
    with pytest.raises(StartError, match=r"recorder-http\.socket"):
        await sockets.open("http", ["127.0.0.1:8080"])


async def test_without_systemd_the_recorder_binds() -> None:
    (listener,) = await Sockets().open("rtmp", ["127.0.0.1:0"])
    async with listener:
        assert listener.socket.getsockname()[0] == "127.0.0.1"


# --- and what is configured -------------------------------------------------


def test_without_systemd_the_configuration_stands(tmp_path: Path) -> None:
    config = configured(tmp_path)
    assert Sockets().settle(config) is config


def test_defaults_give_way_to_the_real_addresses(tmp_path: Path) -> None:
    rtmp = Passed(name="rtmp", descriptor=3, address="10.0.0.1:2000")
    other = Passed(name="rtmp", descriptor=5, address="[fe80::1]:2000")
    settled = Sockets((rtmp, HTTP, other)).settle(configured(tmp_path))
    assert settled.rtmp.listen == ["10.0.0.1:2000", "[fe80::1]:2000"]
    assert settled.status.listen == ["127.0.0.1:8080"]


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('rtmp: {listen: ["0.0.0.0:1935"]}', RTMP),
        ('rtmp: {listen: ["0.0.0.0:1935"]}', DUAL),
        ('rtmp: {listen: ["[::]:1935"]}', DUAL),
        ('rtmp: {listen: ["[::]:1935", "0.0.0.0:1935"]}', DUAL),
        ('rtmp: {listen: ["[0:0::0]:1935"]}', DUAL),
        (
            'rtmp: {listen: ["localhost:1935"]}',
            Passed(name="rtmp", descriptor=3, address="127.0.0.1:1935"),
        ),
    ],
)
def test_the_same_address_in_both_is_no_error(tmp_path: Path, text: str, passed: Passed) -> None:
    settled = Sockets((passed, HTTP)).settle(configured(tmp_path, text))
    assert settled.rtmp.listen == [passed.address]


@pytest.mark.parametrize(
    ("listen", "passed"),
    [
        (["0.0.0.0:1936"], [RTMP]),
        (["127.0.0.1:1935"], [RTMP]),
        (["0.0.0.0:1935", "0.0.0.0:1936"], [RTMP]),
        (["[::]:1935"], [RTMP]),
        (["0.0.0.0:1935"], [Passed(name="rtmp", descriptor=3, address="[::]:1935")]),
        (["0.0.0.0:1935"], [RTMP, Passed(name="rtmp", descriptor=5, address="0.0.0.0:1936")]),
    ],
)
def test_a_difference_names_both(tmp_path: Path, listen: list[str], passed: list[Passed]) -> None:
    config = configured(tmp_path, f"rtmp: {{listen: {listen}}}".replace("'", '"'))
    said = why_not(config, *passed, HTTP)
    for address in [*listen, *(one.address for one in passed)]:
        assert address in said
    assert "take rtmp.listen out" in said


def test_a_configured_page_without_a_socket_is_named(tmp_path: Path) -> None:
    config = configured(tmp_path, 'status: {listen: ["127.0.0.1:8080"]}')
    assert "no such socket" in why_not(config, RTMP)
    assert Sockets((RTMP,)).settle(configured(tmp_path)).status.listen == []


def test_a_socket_for_rtmps_needs_a_certificate(tmp_path: Path) -> None:
    rtmps = Passed(name="rtmps", descriptor=5, address="0.0.0.0:1936")
    assert "recorder-rtmps.socket" in why_not(configured(tmp_path), RTMP, HTTP, rtmps)
    tls = "certificate: cert.pem, private_key: key.pem"
    settled = Sockets((RTMP, HTTP, rtmps)).settle(configured(tmp_path, f"rtmp: {{tls: {{{tls}}}}}"))
    assert settled.rtmp.tls is not None
    assert settled.rtmp.tls.listen == ["0.0.0.0:1936"]
    other = configured(tmp_path, f'rtmp: {{tls: {{{tls}, listen: ["0.0.0.0:443"]}}}}')
    assert "rtmp.tls.listen says 0.0.0.0:443" in why_not(other, RTMP, HTTP, rtmps)


@pytest.mark.parametrize(
    ("text", "passed", "name"),
    [
        ("", [HTTP], "rtmp"),
        ("rtmp: {tls: {certificate: cert.pem, private_key: key.pem}}", [RTMP, HTTP], "rtmps"),
    ],
)
def test_what_encoders_need_is_missed_while_another_configuration_can_still_be_used(
    tmp_path: Path, text: str, passed: list[Passed], name: str
) -> None:
    said = why_not(configured(tmp_path, text), *passed)
    assert f"enable recorder-{name}.socket" in said


def test_the_password_rule_looks_at_the_real_address_of_each_page(tmp_path: Path) -> None:
    elsewhere = why_not(configured(tmp_path), RTMP, HTTP, OPEN_HTTP)
    assert "0.0.0.0:8080" in elsewhere
    assert "hash-password" in elsewhere
    for text in (f'status: {{password: "{HASH}"}}', "status: {public: true}"):
        settled = Sockets((RTMP, OPEN_HTTP)).settle(configured(tmp_path, text))
        assert settled.status.listen == ["0.0.0.0:8080"]
