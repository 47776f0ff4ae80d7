"""How old news look: grey, and growing older. What every line of `recorder status` is written with.

Pure, but for rich's texts: how old the snapshot is comes in as an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from rich.text import Text

from recorder.cli_status_fields import UNKNOWN
from recorder.recording.retention.words import size

if TYPE_CHECKING:
    from recorder.cli_status_fields import Fields

STALE_S: Final = 3.0
"""Three missed ticks."""

_GREY: Final = "bright_black"


@attrs.frozen
class Ink:
    """Args:
    age_s: of the snapshot.
    """

    age_s: float

    @property
    def is_stale(self) -> bool:
        return self.age_s > STALE_S

    def style(self, style: str) -> str:
        """That, unless the news are old: nothing of it is green any more."""
        return _GREY if self.is_stale else style

    def line(self, *pieces: str | tuple[str, str]) -> Text:
        """Of words, with their style where they have one."""
        text = Text(style=self.style(""))
        for piece in pieces:
            words, style = (piece, "") if isinstance(piece, str) else piece
            text.append(words, self.style(style))
        return text

    def aged(self, fields: Fields, name: str) -> float | None:
        """An age as it is now, and not as it was when the snapshot came."""
        age_s = fields.number(name)
        return None if age_s is None else age_s + self.age_s


def in_bytes(fields: Fields, name: str) -> str:
    """A size in words."""
    number = fields.number(name)
    return UNKNOWN if number is None else size(int(number))
