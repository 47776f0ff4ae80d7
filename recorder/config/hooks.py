"""The `hooks` of the configuration: who is told of what happens, and how long that is tried.

Owns their keys, and what a command and a URL may be. A URL often carries a token in its path: like
the secret it stands in no repr, no problem and no log.
"""

import re
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from recorder.config import rules
from recorder.config.units import KIB, MIB

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86_400.0

_URL_CHARACTERS = 2048
_ARGUMENTS = 64
_ARGUMENT_CHARACTERS = 4096
# Names and IPv4 addresses; an IPv6 address stands in brackets, which urlsplit() checks and removes.
_HOST = re.compile(r"(?!-)[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")


@attrs.frozen
class UrlRule:
    """`http://` or `https://`, without a user: a password there ends in the logs of others."""

    secret = True

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise rules.WrongValueError(f"must be a URL, not {rules.kind_of(value)}")
        if len(value) > _URL_CHARACTERS or not re.fullmatch(r"[\x21-\x7e]+", value):
            raise rules.WrongValueError("must be a URL of at most 2048 ASCII characters, no spaces")
        try:
            url = urlsplit(value)
            host, port = url.hostname, url.port
        except ValueError:
            raise rules.WrongValueError("is no valid URL") from None
        if url.scheme not in ("http", "https"):
            raise rules.WrongValueError("must begin with http:// or https://")
        if "@" in url.netloc:
            raise rules.WrongValueError(
                "must not hold a user or password; put a token into the path, or verify the "
                "signature that hooks.secret gives"
            )
        if host is None or not _HOST.fullmatch(host) or port == 0:
            raise rules.WrongValueError("must name a host, such as https://lessons.example/hook")
        if url.fragment:
            raise rules.WrongValueError("must not hold a #, which is never sent")
        return value


@attrs.frozen
class CommandRule:
    """A program by its full path and its arguments; no shell reads them."""

    def read(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise rules.WrongValueError(
                f'must be a list such as ["/usr/local/bin/tell", "--room"], not '
                f"{rules.kind_of(value)}"
            )
        if not 1 <= len(value) <= _ARGUMENTS:
            raise rules.WrongValueError("must hold a program and at most 63 arguments")
        for word in value:
            if not isinstance(word, str):
                raise rules.WrongValueError("must hold only text; put its words in quotes")
            if "\0" in word or len(word) > _ARGUMENT_CHARACTERS:
                raise rules.WrongValueError("holds an argument that no program can be given")
        if not value[0].startswith("/"):
            raise rules.WrongValueError("must begin with the full path of a program, from /")
        return tuple(value)


Url: TypeAlias = Annotated[str, UrlRule()]
Command: TypeAlias = Annotated[tuple[str, ...], CommandRule()]
Secret: TypeAlias = Annotated[
    str,
    rules.Word(
        r"[\x21-\x7e]{16,256}",
        "must be 16 to 256 ASCII characters without spaces (`recorder new-key` prints a good one)",
        secret=True,
    ),
]


@attrs.frozen(kw_only=True)
class ReceiversConfig:
    """Who is told of one kind of event. A program or URL that stands under several kinds is told of
    all of them in one order."""

    commands: list[Command] = attrs.Factory(list)
    urls: list[Url] = attrs.field(factory=list, repr=False)


@attrs.frozen(kw_only=True)
class OutboxConfig:
    """What waits while receivers are away, at most. The oldest goes first."""

    # Whoever delivers holds all of it in memory, and a start reads it.

    events: Annotated[int, rules.Count(100, 100_000)] = 10_000
    size: Annotated[int, rules.Size(256 * KIB, 64 * MIB)] = 8 * MIB


@attrs.frozen(kw_only=True)
class HeartbeatConfig:
    """A sign of life for an outside monitor, in seconds."""

    url: Url | None = attrs.field(default=None, repr=False)
    every: Annotated[float, rules.Time(10 * SECOND, DAY)] = MINUTE


@attrs.frozen(kw_only=True)
class HooksConfig:
    """Everything under `hooks`. The names of the first five are those of the events."""

    recording_started: ReceiversConfig = attrs.Factory(ReceiversConfig)
    segment_closed: ReceiversConfig = attrs.Factory(ReceiversConfig)
    recording_ended: ReceiversConfig = attrs.Factory(ReceiversConfig)
    alarm_raised: ReceiversConfig = attrs.Factory(ReceiversConfig)
    alarm_cleared: ReceiversConfig = attrs.Factory(ReceiversConfig)
    secret: Secret | None = attrs.field(default=None, repr=False)
    # Of one call. A receiver that needs longer takes the message and works afterwards.
    timeout: Annotated[float, rules.Time(SECOND, 10 * MINUTE)] = 10 * SECOND
    outbox: OutboxConfig = attrs.Factory(OutboxConfig)
    heartbeat: HeartbeatConfig = attrs.Factory(HeartbeatConfig)

    @property
    def receivers(self) -> dict[str, ReceiversConfig]:
        """By the name of the event."""
        return {
            field.name: getattr(self, field.name)
            for field in attrs.fields(HooksConfig)
            if field.type is ReceiversConfig
        }

    @property
    def has_receivers(self) -> bool:
        """Whether anybody is told of anything that happens."""
        return any(each.commands or each.urls for each in self.receivers.values())


def holds_secrets(raw: Any) -> bool:
    """Whether the document has anything under `hooks` that others must not read."""
    match raw:
        case {"hooks": dict() as hooks}:
            if hooks.get("secret") is not None:
                return True
            blocks = [block for block in hooks.values() if isinstance(block, dict)]
            return any(block.get("url") or block.get("urls") for block in blocks)
    return False
