"""What a running recorder says of a disk that takes nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from recorder.recording.refusals import (
    StorageError,
    StorageGone,
    StorageMoved,
    full,
    in_words,
    missed,
    moved,
    swapped,
    vanished,
)

FOLDER = Path("/srv/recordings")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.EROFS, "x"),
            (
                "The folder /srv/recordings is on a disk that takes no writes (read-only). "
                "Check the disk for errors and mount it writable."
            ),
        ),
        (
            OSError(errno.EIO, os.strerror(errno.EIO)),
            (
                "The folder /srv/recordings cannot be used: Input/output error. "
                "Check the disk and its cable or card."
            ),
        ),
        (
            OSError(errno.ENOSPC, "x"),
            "The disk of the folder /srv/recordings is full. Free some space on it.",
        ),
        (
            FileNotFoundError(errno.ENOENT, "x"),
            (
                "A file or folder of the recorder in /srv/recordings is gone. Check that its disk "
                "is mounted, and that nobody removes files there."
            ),
        ),
        (StorageError("A sentence."), "A sentence."),
        (StorageGone(errno.ENOENT, "A sentence."), "A sentence."),
        (
            KeyError("x"),
            (
                "The recorder itself failed at writing into /srv/recordings (KeyError: 'x'). "
                "Report it, with the lines of the log."
            ),
        ),
    ],
)
def test_every_failure_is_said_with_what_to_do(error: BaseException, sentence: str) -> None:
    assert in_words(error, FOLDER) == sentence


def test_a_full_disk_is_said_with_what_must_be_freed() -> None:
    assert full(FOLDER, (12 << 20) + 1) == (
        "The disk of the folder /srv/recordings is full. Free 13 MiB more on it; recording then "
        "goes on by itself."
    )


def test_a_storage_that_is_gone_is_an_error_of_the_operating_system_with_a_sentence() -> None:
    for gone, number, words in (
        (vanished(FOLDER), errno.ENOENT, "The folder /srv/recordings is gone."),
        (swapped(FOLDER, None), errno.ESTALE, "is no storage any more: it has no marker."),
        (swapped(FOLDER, "17"), errno.ESTALE, "is another recorder storage now (id 17)."),
        (moved(FOLDER), errno.ESTALE, "The disk of the folder /srv/recordings was mounted anew."),
    ):
        assert isinstance(gone, OSError)
        assert gone.errno == number
        assert words in str(gone)
        assert "\n" not in str(gone)
    assert isinstance(moved(FOLDER), StorageMoved)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), "is gone"),
        (NotADirectoryError(errno.ENOTDIR, "x"), "is gone"),
        (StorageError("A sentence."), "A sentence."),
    ],
)
def test_what_is_found_in_a_storages_place_is_its_loss(error: Exception, words: str) -> None:
    with pytest.raises(StorageGone, match=words), missed(FOLDER):
        raise error


def test_an_error_of_the_disk_is_not_the_loss_of_the_storage() -> None:
    with pytest.raises(OSError, match="x") as caught, missed(FOLDER):
        raise OSError(errno.EIO, "x")
    assert not isinstance(caught.value, StorageGone)
