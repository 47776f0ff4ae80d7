"""The addresses of the machine the tests run on: whatever they are, they can be typed."""

import ipaddress

from recorder.addresses import machine_addresses, plain_host


def test_the_addresses_of_this_machine_are_no_loopback_and_each_named_once() -> None:
    found = machine_addresses()
    assert len(set(found)) == len(found)
    assert not any(ipaddress.IPv4Address(address).is_loopback for address in found)


def test_an_ipv4_peer_of_a_socket_for_both_kinds_is_written_as_ipv4() -> None:
    assert plain_host("::ffff:192.168.1.20") == "192.168.1.20"
    for host in ("192.168.1.20", "::1", "fe80::1", "::ffff:1:2", ""):
        assert plain_host(host) == host
