"""Which file system a folder is on, by the kernel's list of mounts. Pure: the list's text comes in.

It is that of the longest mount point that holds the path; of two on the same point the later, which
lies over the earlier. By path and not by device number: btrfs shows another one in stat().
"""

from __future__ import annotations

import re

# The kernel writes space, tab, newline and backslash in a mount point as three octal digits.
_OCTAL = re.compile(r"\\([0-7]{3})")


def file_system_of(path: str, mountinfo: str) -> str:
    """The file system of a real path, empty when not known.

    Args:
        mountinfo: the text of `/proc/self/mountinfo` (proc(5)).
    """
    found, found_length = "", -1
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if "-" not in fields[6:-1]:
            continue  # Not a line the kernel writes.
        kind = fields[fields.index("-", 6) + 1]
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]).rstrip("/")
        if (path == point or path.startswith(f"{point}/")) and len(point) >= found_length:
            found, found_length = kind, len(point)
    return found
