"""A whole live side without sockets, threads or files: real sessions, rooms and protocol, fake
recorders, streams in memory. The clock jumps by itself, so no test waits."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing
import trustme

from recorder.live.access import Access
from recorder.live.challenges import Challenges
from recorder.live.house import House, Timeouts
from recorder.live.listener import Door
from recorder.live.login_desk import LoginDesk
from recorder.live.memory import MemoryBudget
from recorder.live.reception import Reception
from recorder.live.rooms import Rooms
from recorder.live.tls import TlsStream
from recorder.live.wire import Wire
from recorder.tls import server_context
from tests.helpers.certificates import write_certificate
from tests.helpers.live import FakeRecorder
from tests.helpers.rtmp_client import RtmpClient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder.live.access import Network
    from recorder.live.takeover import TakeoverPolicy

KEYS = {"room101": "key-of-room-101-abcdef", "room102": "key-of-room-102-abcdef"}
VIEW_KEYS = {"room101": "key-to-watch-room-101"}
WATCH = f"room101?key={VIEW_KEYS['room101']}"

FRAME = b"\x27\x01frame"
"""Not a keyframe, in AVC."""


@attrs.frozen
class Room:
    key: str
    allow: Sequence[Network] = ()


@attrs.define
class Hops:
    """Stands for the writer: `land` is what ends a hop."""

    landed: trio.Event = attrs.field(factory=trio.Event)

    async def next_hop(self) -> None:
        await self.landed.wait()

    def land(self) -> None:
        self.landed.set()
        self.landed = trio.Event()


@attrs.frozen
class Tls:
    """Both sides' contexts: an encoder that trusts our certificate."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    def client_stream(self, transport: trio.abc.Stream) -> trio.SSLStream[trio.abc.Stream]:
        return trio.SSLStream(
            transport, self.client, server_hostname="localhost", https_compatible=True
        )


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    files = write_certificate(authority, folder)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Tls(server_context(Path(files["certificate"]), Path(files["private_key"])), client)


@attrs.define
class Building:
    """The live side and the way into it."""

    nursery: trio.Nursery
    limits: dict[str, int]
    policy: TakeoverPolicy = "if-stale"
    allow: Sequence[Network] = ()
    recorders: dict[str, FakeRecorder] = attrs.field(factory=dict)
    disk_refusal: str | None = None
    buffer_bytes: int = 0
    """What a socket says it can hold; 0: it is no socket, and no pause is made."""
    random_numbers: int = 0
    hops: Hops = attrs.field(factory=Hops)
    _ours: dict[int, trio.StapledStream[Any, Any]] = attrs.field(factory=dict)
    rooms: Rooms = attrs.field(init=False)
    door: Door = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rooms = Rooms(dict.fromkeys(KEYS), self._recorder, reconnect_window_s=60, limit=64)
        memory = MemoryBudget(
            self.limits["memory"], lambda: sum(r.pending_bytes for r in self.recorders.values())
        )
        access = Access({name: Room(key, self.allow) for name, key in KEYS.items()}, None, "live")
        house = House(
            reception=Reception(
                access,
                self.rooms,
                memory,
                LoginDesk(Challenges(bytes(32)), self._random),
                self.policy,
                self.limits["publishers"],
                viewing=Access(
                    {name: Room(key, self.allow) for name, key in VIEW_KEYS.items()},
                    None,
                    "live",
                    closed=[name for name in KEYS if name not in VIEW_KEYS],
                ),
                viewers=self.limits.get("viewers", 4),
                disk_refusal=lambda: self.disk_refusal,
            ),
            memory=memory,
            next_hop=self.hops.next_hop,
            timeouts=Timeouts(first_media=20, idle=15),
            viewer_bytes=self.limits.get("viewer_bytes", 32 << 10),
            random=bytes,
        )
        self.door = Door(house, limit=self.limits["connections"])

    def _random(self, size: int) -> bytes:
        self.random_numbers += 1
        return self.random_numbers.to_bytes(size)

    def _recorder(self, name: str) -> FakeRecorder:
        return self.recorders.setdefault(name, FakeRecorder(name))

    async def serve(
        self,
        stream: trio.abc.HalfCloseableStream,
        address: str,
        unread: Callable[[], int],
        taken: Callable[[], int] | None = None,
    ) -> None:
        """What `trio.serve_listeners` does around a handler: closes its stream."""
        try:
            wire = Wire(
                buffer_bytes=lambda: self.buffer_bytes, unread_bytes=unread, taken_bytes=taken
            )
            await self.door.welcome(stream, address, wire)
        finally:
            await trio.aclose_forcefully(stream)

    def enter(self, address: str = "10.0.0.1", *, tls: Tls | None = None) -> Peer:
        """A new connection from this address."""
        ours, theirs = trio.testing.memory_stream_pair()
        # What a socket says of itself by FIONREAD, a stream in memory says to nobody.
        waiting = ours.receive_stream._incoming

        def unread() -> int:
            return len(waiting._data)

        if tls is None:
            self.nursery.start_soon(self.serve, ours, address, unread, None)
            peer = Peer(theirs)
        else:
            over = TlsStream(ours, tls.server)
            self.nursery.start_soon(self.serve, over, address, unread, lambda: over.taken_bytes)
            peer = Peer(tls.client_stream(theirs))
        self.nursery.start_soon(peer.read)
        self._ours[id(peer)] = ours
        return peer

    def count_sends(self, peer: Peer) -> list[None]:
        """One entry for each send to it from now on."""
        sends: list[None] = []
        stream = self._ours[id(peer)].send_stream
        pass_on = stream.send_all_hook

        async def count() -> None:
            sends.append(None)
            await pass_on()

        stream.send_all_hook = count
        return sends

    def deafen(self, peer: Peer) -> trio.Event:
        """What the recorder sends it from now on gets nowhere, until the event is set."""
        heard = trio.Event()
        stream = self._ours[id(peer)].send_stream
        pass_on = stream.send_all_hook

        async def wait() -> None:
            await heard.wait()
            await pass_on()

        stream.send_all_hook = wait
        return heard

    async def watch(self, stream: str = WATCH, *, tls: Tls | None = None) -> Peer:
        """A connection that asks to watch."""
        peer = self.enter("10.0.0.9", tls=tls)
        peer.client.watch(stream)
        await peer.exchange()
        return peer

    async def publish_and_watch(self) -> Peer:
        """A connection that publishes into room102, and watches room101 on NetStream 2."""
        both = await self.publish("room102", "10.0.0.2")
        both.client.play(WATCH, stream_id=2)
        await both.exchange()
        return both

    def received_bytes(self, name: str) -> int:
        """What has come into this room."""
        room = self.rooms.find(name)
        assert room is not None
        return room.received_bytes

    async def publish(
        self, room: str = "room101", address: str = "10.0.0.1", *, tls: Tls | None = None
    ) -> Peer:
        """A connection that publishes and has sent its first frame."""
        peer = self.enter(address, tls=tls)
        peer.client.start(f"{room}?key={KEYS[room]}")
        await peer.exchange()
        peer.client.video(0, b"\x17\x01frame")
        await peer.exchange()
        return peer


@attrs.define
class Peer:
    """An encoder: a scripted client at its end of the stream. `read` is its other half."""

    stream: trio.abc.Stream
    client: RtmpClient = attrs.field(factory=RtmpClient)
    closed: trio.Event = attrs.field(factory=trio.Event)

    async def read(self) -> None:
        """Read all that the recorder sends, until it closes or we do."""
        try:
            while data := await self.stream.receive_some(65536):
                self.client.receive(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.closed.set()

    async def send(self) -> None:
        """Send what the client has to say."""
        await self.stream.send_all(self.client.data_to_send())

    async def exchange(self) -> None:
        """Send, and let everybody do what can be done at once."""
        await self.send()
        await trio.testing.wait_all_tasks_blocked()

    async def until_closed(self) -> float:
        """Wait until the recorder closes; the seconds it took."""
        began = trio.current_time()
        await self.closed.wait()
        took = trio.current_time() - began
        await self.leave()
        return took

    async def leave(self) -> None:
        """Close without a word."""
        await self.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    """What the log says is part of what is tested here."""
    caplog.set_level(logging.INFO)


@pytest.fixture
def limits() -> dict[str, int]:
    return {
        "memory": 1 << 20,
        "publishers": 8,
        "connections": 256,
        "buffer": 64 << 10,
    }


@pytest.fixture
def policy() -> TakeoverPolicy:
    return "if-stale"


@pytest.fixture
def allow() -> Sequence[Network]:
    return ()


@pytest.fixture
async def building(
    nursery: trio.Nursery,
    limits: dict[str, int],
    policy: TakeoverPolicy,
    allow: Sequence[Network],
) -> Building:
    return Building(nursery, limits, policy, allow)
