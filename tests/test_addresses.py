"""The addresses of the machine the tests run on: whatever they are, they can be typed."""

import ipaddress

from recorder.addresses import machine_addresses


def test_the_addresses_of_this_machine_are_no_loopback_and_each_named_once() -> None:
    found = machine_addresses()
    assert len(set(found)) == len(found)
    assert not any(ipaddress.IPv4Address(address).is_loopback for address in found)
