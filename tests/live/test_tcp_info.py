"""The kernel's figures of a connection: the layout, and a real one."""

from __future__ import annotations

import struct

import pytest
import trio

from recorder.live.tcp_info import TcpInfo, parse, read_acked_bytes, read_tcp_info


def test_each_field_is_read_where_linux_has_it() -> None:
    whole = struct.pack("=64I", *range(64))
    assert parse(whole) == TcpInfo(
        rtt_us=17,
        rtt_variation_us=18,
        resent=25,
        data_segments=38,
        delivered=48,
        out_of_order=56,
    )


@pytest.mark.parametrize(
    ("size", "known"), [(0, 0), (71, 0), (72, 1), (104, 3), (195, 4), (196, 5), (228, 6)]
)
def test_what_an_older_kernel_does_not_know_is_none(size: int, known: int) -> None:
    found = parse(bytes(range(228))[:size])
    fields = [
        *(found.rtt_us, found.rtt_variation_us, found.resent),
        *(found.data_segments, found.delivered, found.out_of_order),
    ]
    assert [field is not None for field in fields] == [True] * known + [False] * (6 - known)


async def test_a_real_connection_has_figures_until_it_is_closed() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        async with await trio.open_tcp_stream("127.0.0.1", port) as peer:
            ours = await listener.accept()
            await peer.send_all(bytes(1000))
            await ours.receive_some(1000)
            found = read_tcp_info(ours.socket)
            assert found is not None
            assert found.rtt_us is not None
            assert 0 < found.rtt_us < 1_000_000
            assert found.data_segments == 1
            assert found.delivered is not None
            before = read_acked_bytes(ours.socket)
            assert before is not None
            await ours.send_all(bytes(700))
            await peer.receive_some(700)
            # What it sends next acknowledges all that it has.
            await peer.send_all(b"answer")
            await ours.receive_some(6)
            assert read_acked_bytes(ours.socket) == before + 700
            later = read_tcp_info(ours.socket)
            assert later is not None
            assert later.delivered == found.delivered + 1
            await ours.aclose()
            assert read_tcp_info(ours.socket) is None
            assert read_acked_bytes(ours.socket) is None
