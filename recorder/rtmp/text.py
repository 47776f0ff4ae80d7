"""What a peer's words become before anybody else sees them.

Owns the cleaning of text (design promise 10): once, at entry. Knows no message. Decoded AMF text
may hold surrogates that stand for bytes which are no UTF-8; none leaves this file, so that nothing
behind it can fail on encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.rtmp.errors import Hint, RemoteProtocolError

if TYPE_CHECKING:
    from recorder.amf import Value
    from recorder.rtmp.limits import Limits


def _utf8(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def clean_text(value: Value, limits: Limits) -> str:
    """Return text to be shown: printable, cut. What is no text is empty."""
    if not isinstance(value, str):
        return ""
    # Twice the bound before looking closer: half of it may be unprintable, more is nonsense.
    text = _utf8(value[: 2 * limits.text_chars])
    return "".join(filter(str.isprintable, text))[: limits.text_chars]


def identifying_text(value: Value, limits: Limits, what: str) -> str:
    """Return text that identifies, whole. What is no text is empty: keys may be (§4.5).

    A name that is no UTF-8 gets replacement characters, which no configured name contains.

    Raises:
        RemoteProtocolError: it is too long, or holds control characters: no configured name does,
            and a log or a terminal would suffer.
    """
    if not isinstance(value, str):
        return ""
    if len(value) > limits.name_chars:
        raise RemoteProtocolError(f"the {what} is too long", Hint.BAD_NAME)
    text = _utf8(value)
    if any(character < " " or "\x7f" <= character < "\xa0" for character in text):
        raise RemoteProtocolError(f"the {what} holds control characters", Hint.BAD_NAME)
    return text


def describe(members: dict[str, Value], limits: Limits) -> dict[str, Value]:
    """Return a command object's members, cleaned, two levels deep.

    Deeper and stranger things are left out, and beyond `described_values` everything is. The copy
    is bounded by that count, because values may be shared (AMF references).
    """
    left = limits.described_values
    described: dict[str, Value] = {}
    for key, value in members.items():
        if left <= 0:
            break
        left -= 1
        name = clean_text(key, limits)
        if isinstance(value, list):
            described[name] = [_plain(element, limits) for element in value[:left]]
            left -= len(value)
        elif isinstance(value, dict):
            pairs = list(value.items())[:left]
            described[name] = {clean_text(k, limits): _plain(v, limits) for k, v in pairs}
            left -= len(pairs)
        else:
            described[name] = _plain(value, limits)
    return described


def _plain(value: Value, limits: Limits) -> Value:
    if isinstance(value, str):
        return clean_text(value, limits)
    return value if isinstance(value, bool | int | float) else None
