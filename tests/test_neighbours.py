"""Which addresses count as one."""

from __future__ import annotations

import pytest

from recorder.neighbours import address_group, canonical_address


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::ffff:0a00:0001", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64%eth0"),
        ("fe80::1%eth1", "fe80::/64%eth1"),
        ("::1", "::/64"),
        ("somewhere", "somewhere"),
        ("some:where", "some:where"),
        ("", ""),
    ],
)
def test_an_address_belongs_to_its_host_or_its_network(address: str, group: str) -> None:
    assert address_group(address) == group


def test_one_host_has_one_text() -> None:
    assert canonical_address("::ffff:10.0.0.1") == canonical_address("10.0.0.1") == "10.0.0.1"
    assert canonical_address("2001:db8:0::1") == canonical_address("2001:DB8::1")
    assert canonical_address("2001:db8::1") != canonical_address("2001:db8::2")
