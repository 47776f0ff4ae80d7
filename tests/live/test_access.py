"""Who is who: every form in which encoders say room and key, and what gets refused."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.live.access import Access, Admitted, Refused

if TYPE_CHECKING:
    from recorder.live.access import Network

URL = "rtmp://h:1935/live"
KEY = "Key-of_room-101"
ANY = "Key-of-any-room"


@attrs.frozen
class RoomStub:
    key: str
    allow: tuple[Network, ...] = ()


ROOMS = {"room101": RoomStub(KEY), "Aula": RoomStub("Key-of-the-aula")}
ACCESS = Access(ROOMS, RoomStub(ANY), "live")

FORMS = [
    # application, stream, tcUrl
    ("live", "room101?key={}", URL),
    ("live", "room101/{}", URL),
    ("live/room101", "{}", f"{URL}/room101"),
    # the query stands elsewhere
    ("live?key={}", "room101", URL),
    ("live", "room101", URL + "?key={}"),
    ("live/room101?key={}", "", URL),
    ("live/room101", "?key={}", URL),
    ("live", "room101?a=b&key={}&c=d", URL + "?vhost=x&key=wrong"),
    ("live?key=wrong", "room101?key={}", URL),
    ("live", "room101?key=&a&key={}", URL),
    # prefixes, slashes, quotes
    ("live", "mp4:room101?key={}", URL),
    ("live", "flv:room101/{}", URL),
    ("live", "mp3:room101/{}", URL),
    ("live/room101", "mp4:{}", URL),
    ("live/", "room101/{}", f"{URL}/"),
    ("/live//room101/", "/{}/", URL),
    ("'live'", "'room101/{}'", f"'{URL}'"),
    # cut at another slash
    ("live/room101/{}", "", URL),
    ("", "live/room101/{}", ""),
    # no application in connect: the one of tcUrl
    ("", "room101/{}", URL),
    ("", "room101/{}", f'"{URL}/"'),
    ("", "{}", "rtmp://user:pass@[2001:db8::1]:1935/live/room101?vhost=x"),
    ("", "room101", "rtmps://h/live?key={}"),
    # encoded
    ("live", "room101%2F{}", URL),
    ("live%2Froom101", "{}", URL),
    ("live", "room101%3Fkey%3D{}", URL),
    ("live", "%72oom101?key={}", URL),
]


@pytest.mark.parametrize(("app", "stream", "tc_url"), FORMS)
def test_the_right_key_opens_its_room_in_every_form(app: str, stream: str, tc_url: str) -> None:
    def ask(key: str) -> Admitted | Refused:
        return ACCESS.identify(app.format(key), stream.format(key), tc_url.format(key))

    assert ask(KEY) == Admitted("room101")
    for wrong in ("", "wrong", KEY[:-1], KEY + "x", KEY.lower(), "Key-of-the-aula", ANY, "room101"):
        answer = ask(wrong)
        assert answer == Refused("unknown room or wrong key")


@pytest.mark.parametrize(
    ("app", "stream", "tc_url"),
    [
        ("live", "{}", URL),
        ("live/", "mp4:{}/", URL),
        ("live/{}", "", URL),
        ("live", "?key={}", URL),
        ("live", "", URL + "?key={}"),
        ("", "{}", URL),
        ("live", "%4Bey-of_room-101", URL),
    ],
)
def test_the_key_alone_names_its_room(app: str, stream: str, tc_url: str) -> None:
    answer = ACCESS.identify(app.format(KEY), stream.format(KEY), tc_url.format(KEY))
    assert answer == Admitted("room101")


def test_each_room_has_its_own_key() -> None:
    assert ACCESS.identify("live", "Aula/Key-of-the-aula", URL) == Admitted("Aula")
    assert ACCESS.identify("live", "Key-of-the-aula", URL) == Admitted("Aula")
    assert isinstance(ACCESS.identify("live", f"Aula/{KEY}", URL), Refused)


@pytest.mark.parametrize("name", ["garden", "a", "A_b-9", "x" * 64])
def test_any_other_name_enters_with_the_key_of_any_room(name: str) -> None:
    assert ACCESS.identify("live", f"{name}/{ANY}", URL) == Admitted(name)
    assert ACCESS.identify("live", f"{name}?key={ANY}", URL) == Admitted(name)
    assert ACCESS.identify(f"live/{name}", ANY, URL) == Admitted(name)
    assert isinstance(ACCESS.identify("live", f"{name}/{KEY}", URL), Refused)
    assert isinstance(Access(ROOMS, None, "live").identify("live", f"{name}/{ANY}", URL), Refused)


@pytest.mark.parametrize("form", ["{}", "?key={}", "/{}", "*/{}", "%2A?key={}"])
def test_the_key_of_any_room_names_no_room(form: str) -> None:
    assert isinstance(ACCESS.identify("live", form.format(ANY), URL), Refused)


@pytest.mark.parametrize("name", ["Room101", "ROOM101", "aula"])
@pytest.mark.parametrize("key", [KEY, ANY, "Key-of-the-aula"])
def test_a_name_that_differs_in_case_only_is_no_room(name: str, key: str) -> None:
    assert isinstance(ACCESS.identify("live", f"{name}/{key}", URL), Refused)


@pytest.mark.parametrize(
    "name",
    ["x" * 65, "..", ".", "a.b", "a b", "a\n", "a\0", "ä", "a%", "a:b", "a\\b", "%2e%2e", "\udcff"],
)
def test_a_name_that_is_no_room_name_does_not_enter(name: str) -> None:
    for encoded in (name, quote(name, errors="surrogateescape")):
        answer = ACCESS.identify("live", f"{encoded}?key={ANY}", URL)
        assert answer == Refused("unknown room or wrong key")


@pytest.mark.parametrize("name", [KEY, ANY, "Key-of-the-aula"])
def test_a_key_does_not_become_the_name_of_a_room(name: str) -> None:
    assert isinstance(ACCESS.identify("live", f"{name}/{ANY}", URL), Refused)


@pytest.mark.parametrize("stream", [f"a/room101/{KEY}", f"room101/{KEY}/a", f"room101/{KEY}/{KEY}"])
def test_a_longer_path_is_refused(stream: str) -> None:
    assert ACCESS.identify("live", stream, URL) == Refused("unknown room or wrong key")


@pytest.mark.parametrize("app", ["other", "Live", "live2", "other/live", "", "?key=x"])
def test_a_wrong_application_is_refused(app: str) -> None:
    for stream in (f"room101/{KEY}", KEY, ""):
        answer = ACCESS.identify(app, stream, "rtmp://h/other")
        assert answer == Refused("the application is not live")


def test_wrong_room_and_wrong_key_get_the_same_answer() -> None:
    wrong_key = ACCESS.identify("live", "room101/wrong", URL)
    wrong_room = ACCESS.identify("live", f"room102/{KEY}", URL)
    nothing = ACCESS.identify("live", "", URL)
    assert wrong_key == wrong_room == nothing


def test_wrong_room_and_wrong_key_cost_the_same_comparisons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[int, int]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr("recorder.live.access.hmac.compare_digest", compare)
    for stream in ("room101/wrong", f"room102/{KEY}", f"room101/{KEY}", "x/y", f"Aula/{ANY}"):
        compared.clear()
        ACCESS.identify("live", stream, URL)
        assert compared == [(32, 32)] * 8  # two rooms and any: who it is, and that no name is a key


def test_a_refusal_names_a_configured_room_and_nothing_else_that_was_said() -> None:
    said: list[tuple[str, str | None]] = [
        ("room101/wrong", "room101"),
        ("room101?key=wrong", "room101"),
        (f"secret/{KEY}", None),
        ("secret", None),
        ("room101", "room101"),
        (KEY[:-1], None),
        (f"{KEY}/room101", None),
    ]
    for stream, named in said:
        answer = ACCESS.identify("live", stream, f"{URL}?key2=secret")
        assert isinstance(answer, Refused)
        assert answer.room == named
        for secret in ("secret", "wrong?", KEY, KEY[:-1]):
            assert secret not in repr(answer)


anything = st.text(max_size=30) | st.text(alphabet="live/room101?key=%2F&:'\udcff", max_size=30)


@given(anything, anything, anything)
def test_any_texts_are_refused_and_nothing_worse(app: str, stream: str, tc_url: str) -> None:
    assert isinstance(ACCESS.identify(app, stream, tc_url), Refused)
    assert isinstance(ACCESS.identify("live", stream, tc_url), Refused)


LISTED = Access(
    {
        "lab": RoomStub("Key-of-the-lab", tuple(map(ip_network, ("10.2.0.0/16", "2001:db8::/32")))),
        "hall": RoomStub("Key-of-the-hall"),
    },
    RoomStub(ANY, (ip_network("::1"), ip_network("127.0.0.1"))),
    "live",
)


@pytest.mark.parametrize(
    ("room", "address", "may"),
    [
        ("lab", "10.2.0.7", True),
        ("lab", "10.3.0.7", False),
        ("lab", "::ffff:10.2.0.7", True),
        ("lab", "::ffff:10.3.0.7", False),
        ("lab", "2001:db8::5", True),
        ("lab", "2001:db9::5", False),
        ("lab", "fe80::1%eth0", False),
        ("lab", "", False),
        ("hall", "192.0.2.1", True),
        ("hall", "somewhere", True),
        # rooms that only `*` admits
        ("garden", "::1", True),
        ("garden", "127.0.0.1", True),
        ("garden", "10.2.0.7", False),
    ],
)
def test_a_room_may_be_published_into_from_its_addresses(
    room: str, address: str, may: bool
) -> None:
    assert LISTED.may_come_from(room, address) is may


def test_every_ipv4_address_is_no_ipv6_address() -> None:
    access = Access({"lab": RoomStub("k", (ip_network("0.0.0.0/0"),))}, None, "live")
    assert access.may_come_from("lab", "192.0.2.1")
    assert not access.may_come_from("lab", "2001:db8::1")
