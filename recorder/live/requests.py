"""What a peer asks for: to come in, to publish, to watch; and how it is answered.

Owns what the peer has shown of itself so far, the pause before a refusal, and the answer that the
core is told to give. Who may have what, reception decides; what becomes of it then is the business
of `Publishing` and `Watching`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import trio

from recorder.live.attempts import FIRST_PAUSE_S
from recorder.live.ending import ConnectionOver
from recorder.live.reception import PublishRequest, Refusal
from recorder.logs import about, same
from recorder.neighbours import address_group

if TYPE_CHECKING:
    from recorder.live.access import LoggedIn
    from recorder.live.publisher import Connection
    from recorder.live.publishing import Publishing
    from recorder.live.pulse import Pulse
    from recorder.live.reception import Reception
    from recorder.live.stay import Stay
    from recorder.live.watching import Watching
    from recorder.rtmp import ConnectRequested, PlayRequested, PublishRequested, ServerConnection

log = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Requests:
    """Of one connection. Each method answers one request, and raises ConnectionOver where nothing
    is left to be said to the peer.

    Attributes:
        session: what a room may ask of the connection.
        lifetime: cancelled when a newer connection needs the place.
    """

    session: Connection
    connection: ServerConnection
    reception: Reception
    publishing: Publishing
    watching: Watching
    stay: Stay
    pulse: Pulse
    lifetime: trio.CancelScope
    _connect: ConnectRequested | None = None
    _login: LoggedIn | None = None

    async def connect(self, event: ConnectRequested) -> None:
        self._connect = event
        answer = self.reception.decide_connect(event, self.session.address)
        if isinstance(answer, Refusal):
            await self._pause_before(answer)
            self.connection.reject_connect(answer.description)
            raise ConnectionOver(None)
        self._login = answer
        self.connection.accept_connect()

    async def publish(self, event: PublishRequested) -> None:
        assert self._connect is not None, "the core lets nobody publish before connect"
        await self._go_if_crowded_out()
        request = PublishRequest(
            connection=self.session,
            stream_id=event.stream_id,
            application=self._connect.app,
            stream=event.name,
            tc_url=self._connect.tc_url,
            software=self._connect.flash_version,
            login=self._login,
            publish_type=event.publish_type,
        )
        incumbent = self.reception.incumbent(request)
        if incumbent is not None and incumbent.connection is not self.session:
            # It may have said good-bye already, or more of the lesson.
            await incumbent.connection.catch_up()
        answer = self.reception.decide(request)
        if isinstance(answer, Refusal):
            await self._pause_before(answer)
            self.connection.reject_publish(
                event.stream_id, code="NetStream.Publish.BadName", description=answer.description
            )
            if not self.publishing:
                raise ConnectionOver(None)
            return  # Other streams of this connection are being recorded: they go on.
        self.connection.accept_publish(event.stream_id)
        self.publishing.enter(answer)

    async def play(self, event: PlayRequested) -> None:
        assert self._connect is not None, "the core lets nobody play before connect"
        await self._go_if_crowded_out()
        code, answer = (
            "NetStream.Play.Failed",
            Refusal("One at a time.", "it watches already", FIRST_PAUSE_S),
        )
        self.watching.make_way(event.stream_id)
        if not self.watching:
            code = "NetStream.Play.StreamNotFound"
            found = self.reception.decide_play(
                self._connect.app, event.name, self._connect.tc_url, self.session.address
            )
            if not isinstance(found, Refusal):
                self.watching.begin(found, event.stream_id, event.unwanted)
                return
            answer = found
        await self._pause_before(answer)
        self.connection.reject_play(event.stream_id, code, answer.description)
        if not self.publishing and not self.watching:
            raise ConnectionOver(None)

    async def _go_if_crowded_out(self) -> None:
        """A newer connection has got its place while its bytes came: it takes no room."""
        if self.lifetime.cancel_called:
            await trio.lowlevel.checkpoint()

    async def _pause_before(self, refusal: Refusal) -> None:
        """The log has it at once, the peer after a while: who guesses shall not guess quickly."""
        address = self.session.address
        key = same(address_group(address), refusal.reason) | about(refusal.room)
        level = logging.DEBUG if refusal.is_routine else logging.INFO
        log.log(level, "%s: refused: %s", address, refusal.reason, extra=key)
        self.pulse.waits_until(trio.current_time() + refusal.pause_s)
        if not refusal.pause_s:
            await trio.lowlevel.checkpoint()
        elif self.publishing or self.watching:
            # What else the connection publishes waits meanwhile.
            await trio.sleep(min(refusal.pause_s, FIRST_PAUSE_S))
        else:
            self.stay.is_refused()
            await trio.sleep(refusal.pause_s)
