"""The file system of a path, from lists of mounts as the kernel writes them."""

from __future__ import annotations

import pytest

from recorder.recording.mounts import file_system_of

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:30 / /srv rw - xfs /dev/sda1 rw
31 30 0:31 / /srv/recordings rw,relatime shared:7 master:1 - nfs4 nas:/x rw
32 30 0:32 / /srv/usb\040disk\134\011a rw - exfat /dev/sdb1 rw
33 30 0:33 / /srv/twice rw - vfat /dev/sdc1 rw
34 33 0:34 / /srv/twice rw - ext4 /dev/sdc2 rw
35 27 0:35 / /ntfs rw - fuseblk /dev/sdd1 rw
36 27 0:36 / /dash-ed/-/x rw - btrfs /dev/sde - rw
a line that no kernel writes
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/home/pi/recordings", "ext4"),
        ("/proc", "proc"),
        ("/procedures", "ext4"),
        ("/srv", "xfs"),
        ("/srv/other", "xfs"),
        ("/srv/recordings", "nfs4"),
        ("/srv/recordings/room101", "nfs4"),
        ("/srv/recordings2", "xfs"),
        ("/srv/usb disk\\\ta/recordings", "exfat"),
        ("/srv/twice/a", "ext4"),
        ("/ntfs/a/b/c", "fuseblk"),
        ("/dash-ed/-/x/y", "btrfs"),
    ],
)
def test_a_path_is_on_the_file_system_of_its_longest_mount_point(path: str, kind: str) -> None:
    assert file_system_of(path, MOUNTS) == kind


@pytest.mark.parametrize("text", ["", "\n", "36 35 98:0 / /a rw -", "- - - - - - - - -"])
def test_without_a_mount_that_fits_the_file_system_is_not_known(text: str) -> None:
    assert file_system_of("/home", text) == ""
