"""A wall clock that a test sets, for one program: libfaketime, which takes the kernel's place.

Owns the file that holds the offset and the environment that makes a program read it. Only the
wall clock is moved. Without DONT_FAKE_MONOTONIC the monotonic clock would jump as well and a test
of clock steps would prove nothing; without FAKETIME_NO_CACHE a step would be seen ten seconds
late; without NO_FAKE_STAT files that were written before a step would seem to have moved with it.
"""

from __future__ import annotations

from pathlib import Path

import attrs


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "libfaketime is not installed (Debian package: faketime)"
    return found[0]


@attrs.frozen
class WallClock:
    """The wall clock of every program that is started with `environment`.

    Attributes:
        file: where the offset is kept; any path in an existing folder.
    """

    file: Path

    def __attrs_post_init__(self) -> None:
        self.set_to(0)

    def set_to(self, offset_s: int) -> None:
        """Step the clock to so many seconds before (-) or after real time."""
        # Replaced as a whole: programs read it at every look at their clock.
        new = self.file.with_name(f"{self.file.name}.new")
        new.write_text(f"{offset_s:+d}\n")
        new.replace(self.file)

    @property
    def environment(self) -> dict[str, str]:
        """What to add to a program's environment."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
