"""Reception: what answer a publish request gets.

The one place where key, room, takeover and limits meet. Synchronous: a decision is made and
carried out (the old publisher let go, the new one entered) before anybody else can run, so two
encoders that ask in the same moment cannot both get the room.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import trio

from recorder.live.access import Access, Admitted, LoggedIn, Refused
from recorder.live.attempts import RESULTS, Attempts, Kind, Result
from recorder.live.login_desk import Challenged, NotLoggedIn
from recorder.live.publisher import Connection, Publisher
from recorder.live.takeover import Incumbent, Refuse, TakeoverPolicy, decide
from recorder.logs import of_room, same
from recorder.recording.manifest import LIVE, Client
from recorder.rtmp import LoginMethod, invitation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from recorder.live.login_desk import LoginDesk
    from recorder.live.memory import MemoryBudget
    from recorder.live.room import Room
    from recorder.live.rooms import Rooms
    from recorder.rtmp import ConnectRequested

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class PublishRequest:
    """Who asks for what. `application`, `stream` and `tc_url` are secrets until they match."""

    connection: Connection
    stream_id: int
    application: str
    stream: str
    tc_url: str
    software: str
    login: LoggedIn | None = None
    """What the connection has shown already; then the texts say nothing more."""
    publish_type: str = ""
    """`live`, `record`, `append`: what the encoder calls it. All are recorded alike."""


@attrs.frozen
class Refusal:
    """Why not: `description` for the encoder's window, `reason` for our log. The encoder is told
    after `pause_s`. `is_routine`: it happens in every login, and nobody wants to read of it.
    `room`: which one, where that is known. `result`: what counters call it."""

    description: str
    reason: str
    pause_s: float
    is_routine: bool = False
    room: str | None = None
    result: Result = Result.AUTH


@attrs.define
class Reception:
    """`access`, `policy` and `publishers` may be exchanged; the next request has the new ones, and
    nobody who publishes is asked again."""

    access: Access
    rooms: Rooms
    memory: MemoryBudget
    desk: LoginDesk
    policy: TakeoverPolicy
    publishers: int
    """`limits.publishers`."""
    viewing: Access
    """Who may watch: the same by the rooms' view keys."""
    viewers: int
    """`limits.viewers`."""
    disk_refusal: Callable[[], str | None] = lambda: None
    """Why nothing can be recorded for now, in words for an encoder; None while it can."""
    attempts: Attempts = attrs.field(factory=Attempts)

    def decide_connect(self, connect: ConnectRequested, address: str) -> LoggedIn | Refusal | None:
        """Say who a connection has logged in as, or why it may not come in; None: it may, and its
        publish will say who it is.

        A connect does not tell whether the encoder has a user name, and once it is accepted the
        encoder does not ask any more. So to whom the application is another, and who has no key
        therefore, is invited: who has a user name comes again with it, all others show the words.
        """
        if connect.login is not None:
            answer = self.desk.decide(self.access, connect.login, trio.current_time())
            if isinstance(answer, Challenged):
                return Refusal(answer.description, "was given a challenge", 0, is_routine=True)
            if isinstance(answer, NotLoggedIn):
                self._note(Result.AUTH, answer.room)
                return self._refuse(
                    Kind.LOGIN, address, answer.description, answer.reason, answer.room
                )
            return answer
        if self.access.may_lead_in(connect.app, connect.tc_url):
            return None
        name = self.access.application
        is_limelight = connect.app.strip("/") == LoginMethod.LIMELIGHT.value
        method = LoginMethod.LIMELIGHT if is_limelight else LoginMethod.ADOBE
        words = (
            f"The server is rtmp://HOST/{name}; any other wants a room as user name and its key as "
            "password."
        )
        self.attempts.refused(Kind.APPLICATION, address, trio.current_time())
        return Refusal(
            invitation(method, words),
            f"the application is not {name}; asked for user name and password",
            0,
        )

    def decide_play(
        self, application: str, stream: str, tc_url: str, address: str
    ) -> Room | Refusal:
        """The room that may be watched, or why not. It may be idle: then its viewers wait."""
        identity = self.viewing.identify(application, stream, tc_url)
        if isinstance(identity, Refused):
            return self._refuse(
                Kind.KEY,
                address,
                "Unknown room or wrong key.",
                f"{identity.reason} to watch",
                identity.room,
            )
        if not self.viewing.may_come_from(identity.room, address):
            return self._refuse(
                Kind.ADDRESS,
                address,
                "This address may not watch this room.",
                "not one of its addresses (allow)",
                identity.room,
            )
        room = self.rooms.get(identity.room)
        if room is None:
            return self._refuse(
                Kind.LIMIT,
                address,
                "Nobody publishes here.",
                "nothing to watch",
                identity.room,
            )
        if room.recorder.is_stopped:
            return self._refuse(
                Kind.LIMIT,
                address,
                "An operator has stopped this room.",
                "stopped by an operator",
                room.name,
            )
        if self.rooms.viewers >= self.viewers:
            return self._refuse(
                Kind.LIMIT,
                address,
                "The recorder has no place for another viewer.",
                "limits.viewers reached",
                room.name,
            )
        return room

    def incumbent(self, request: PublishRequest) -> Publisher | None:
        """Who publishes in the room that is asked for, by whoever may enter it."""
        identity = self._identify(request)
        if isinstance(identity, Refused) or not self._may_come(request, identity):
            return None
        room = self.rooms.find(identity.room)
        return None if room is None else room.publisher

    def decide(self, request: PublishRequest) -> Publisher | Refusal:
        """Accept the publisher into its room, or say why not."""
        answer = self._decide(request)
        if isinstance(answer, Refusal):
            self._note(answer.result, answer.room)
        else:
            self._note(Result.OK, answer.room.name)
        return answer

    def broke_protocol(self, rooms: Collection[str]) -> None:
        """A connection is over because its peer broke the protocol.

        Args:
            rooms: into which it published; none: it did not come so far.
        """
        for room in rooms or (None,):
            self._note(Result.PROTOCOL, room)

    def _note(self, result: Result, room: str | None) -> None:
        known = None if room is None else self.access.configured(room)
        self.attempts.came_to(result, known)

    def _decide(self, request: PublishRequest) -> Publisher | Refusal:
        identity, address = self._identify(request), request.connection.address
        if isinstance(identity, Refused):
            return self._refuse(
                Kind.KEY, address, "Unknown room or wrong key.", identity.reason, identity.room
            )
        if not self._may_come(request, identity):
            # Whoever has the key hears the truth: it tells a guesser no more than the room would.
            return self._refuse(
                Kind.ADDRESS,
                address,
                "This address may not publish into this room.",
                "not one of its addresses (allow)",
                identity.room,
            )
        room = self.rooms.find(identity.room)
        if room is None:
            return self._refuse(
                Kind.LIMIT,
                address,
                "The recorder has no place for another room.",
                "limits.rooms reached, or a name like another's but for case",
                identity.room,
            )
        if (words := self.disk_refusal()) is not None:
            return self._refuse(Kind.LIMIT, address, words, words, room.name)
        if self.memory.exhausted:
            return self._refuse(
                Kind.LIMIT,
                address,
                "The recorder is short of memory.",
                "limits.memory reached",
                room.name,
            )
        gap_reason = "reconnect"
        if room.publisher is not None:
            refusal = self._take_over(room, room.publisher, request)
            if refusal is not None:
                return refusal
            gap_reason = "takeover"
        elif self.rooms.publishers >= self.publishers:
            return self._refuse(
                Kind.LIMIT,
                address,
                "The recorder has no place for another publisher.",
                "limits.publishers reached",
                room.name,
            )
        return self._enter(room, request, gap_reason)

    def _identify(self, request: PublishRequest) -> Admitted | Refused:
        if request.login is not None:
            return self.access.confirm(request.login)
        return self.access.identify(request.application, request.stream, request.tc_url)

    def _may_come(self, request: PublishRequest, identity: Admitted) -> bool:
        return self.access.may_come_from(identity.room, request.connection.address)

    def _refuse(
        self, kind: Kind, address: str, description: str, reason: str, room: str | None
    ) -> Refusal:
        """`description` is for the encoder; `reason` for our log, behind the room's name."""
        pause_s = self.attempts.refused(kind, address, trio.current_time())
        named = "" if room is None else f"{room}: "
        return Refusal(description, f"{named}{reason}", pause_s, room=room, result=RESULTS[kind])

    def _take_over(self, room: Room, old: Publisher, request: PublishRequest) -> Refusal | None:
        incumbent = Incumbent(old.connection.address, old.connection.silent_ms())
        now_ms = int(trio.current_time() * 1000)
        verdict = decide(self.policy, incumbent, request.connection.address, room.takeovers, now_ms)
        if isinstance(verdict, Refuse):
            if room.takeovers.rests_for_ms(now_ms):
                of_room(log, room.name).warning(
                    "two encoders fight for it: %s",
                    verdict.reason,
                    extra=same("contest", room.name),
                )
            return self._refuse(
                Kind.BUSY,
                request.connection.address,
                "Another encoder publishes here.",
                verdict.reason,
                room.name,
            )
        room.replace(old, old.connection.counts(old))
        old.connection.evict(old, f"{request.connection.address} took the room over")
        return None

    def _enter(self, room: Room, request: PublishRequest, gap_reason: str) -> Publisher:
        publisher = Publisher(
            room=room,
            connection=request.connection,
            stream_id=request.stream_id,
            since_s=trio.current_time(),
        )
        client = Client(
            address=request.connection.address,
            software=request.software,
            publish_type=request.publish_type or LIVE,
        )
        room.begin(publisher, client, gap_reason=gap_reason)
        return publisher
